import assert from "node:assert/strict";
import { test } from "node:test";
import { alternating } from "./alternating.ts";

test("value and floor take turns in going first, and each stays what it is", async () => {
  const order: string[] = [];
  const counting = (name: string, base: number) => async () => base + order.push(name);
  const samples = await alternating(3, { value: counting("value", 100), floor: counting("floor", 0) });
  assert.deepEqual(order, ["value", "floor", "floor", "value", "value", "floor"]);
  assert.deepEqual(samples, [
    { value: 101, floor: 2 },
    { value: 104, floor: 3 },
    { value: 105, floor: 6 },
  ]);
});
