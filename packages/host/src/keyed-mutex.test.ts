import assert from "node:assert/strict";
import { test } from "node:test";
import { KeyedMutex } from "./keyed-mutex.ts";

test("holders of one key follow each other in order; another key is free", async () => {
  const mutex = new KeyedMutex();
  const order: string[] = [];
  const first = await mutex.lock("a");
  const later = ["b", "c"].map(async (who) => {
    using _held = await mutex.lock("a");
    order.push(who);
  });
  using _other = await mutex.lock("other");
  order.push("a");
  first[Symbol.dispose]();
  await Promise.all(later);
  assert.deepEqual(order, ["a", "b", "c"]);
});

test("one who gives up waiting does not block those behind", async () => {
  const mutex = new KeyedMutex();
  const first = await mutex.lock("a");
  const impatient = new AbortController();
  const gaveUp = mutex.lock("a", impatient.signal);
  const patient = mutex.lock("a");
  impatient.abort(new Error("enough"));
  await assert.rejects(gaveUp, /enough/);
  first[Symbol.dispose]();
  using _held = await patient;
});
