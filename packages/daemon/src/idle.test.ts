import assert from "node:assert/strict";
import { test } from "node:test";
import { IdleWatch } from "./idle.ts";

test("it leaves only when nothing is asked and nothing is needed for the whole time", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let isNeeded = true;
  let left = 0;
  const watch = new IdleWatch({ idleMs: 1000, isNeeded: () => isNeeded, onIdle: () => (left += 1) });
  t.mock.timers.tick(1000);
  assert.equal(left, 0, "a VM runs");
  isNeeded = false;
  watch.activity(1);
  t.mock.timers.tick(5000);
  assert.equal(left, 0, "a request is under way");
  watch.activity(-1);
  t.mock.timers.tick(999);
  assert.equal(left, 0);
  t.mock.timers.tick(1);
  assert.equal(left, 1);
});
