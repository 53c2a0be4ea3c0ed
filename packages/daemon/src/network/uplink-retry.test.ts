import assert from "node:assert/strict";
import { test } from "node:test";
import { UplinkRetry } from "./uplink-retry.ts";

function retryAt() {
  let now = 1000;
  const retry = new UplinkRetry(() => now);
  return { retry, pass: (ms: number) => void (now += ms) };
}

test("the first death is answered at once", () => {
  assert.equal(retryAt().retry.isDue(), true);
});

test("a pasta that keeps dying is tried ever less often, up to half a minute", () => {
  const { retry, pass } = retryAt();
  const waits = Array.from({ length: 10 }, () => {
    retry.started();
    let waited = 0;
    while (!retry.isDue()) {
      pass(250);
      waited += 250;
    }
    return waited;
  });
  assert.deepEqual(waits, [250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
});

test("one that was well for a while is started again at once", () => {
  const { retry, pass } = retryAt();
  for (let count = 0; count < 8; count += 1) retry.failed();
  pass(30_000);
  assert.equal(retry.isDue(), true);
  retry.started();
  pass(10_000);
  assert.equal(retry.isDue(), true);
});
