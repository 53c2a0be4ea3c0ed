import assert from "node:assert/strict";
import { test } from "node:test";
import { CLOCK_LOOK_MS, watchClockJumps } from "./clock-jumps.ts";

test("a wall clock that has moved against the monotonic one is told once, either way; drift is not", (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  let [wall, monotonic, jumps] = [1_000_000, 0, 0];
  const stop = watchClockJumps({ now: () => new Date(wall), monotonicMs: () => monotonic, onJump: () => (jumps += 1) });
  const look = (wallMs: number) => {
    wall += wallMs;
    monotonic += CLOCK_LOOK_MS;
    t.mock.timers.tick(CLOCK_LOOK_MS);
    return jumps;
  };
  assert.equal(look(CLOCK_LOOK_MS), 0);
  assert.equal(look(CLOCK_LOOK_MS + 200), 0);
  assert.equal(look(CLOCK_LOOK_MS + 3_600_000), 1);
  assert.equal(look(CLOCK_LOOK_MS), 1);
  assert.equal(look(0), 2);
  stop();
  assert.equal(look(3_600_000), 2);
});
