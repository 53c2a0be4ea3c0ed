import assert from "node:assert/strict";
import { test } from "node:test";
import { median, scoreText, summaryOf, table, type Measured } from "./summary.ts";

const list: Measured = {
  ...{ name: "list", what: "banger vm list", over: "node -e 0", unit: "ms", target: { kind: "ratio", limit: 1.6 } },
  samples: [
    { value: 60, floor: 40 },
    { value: 300, floor: 200 },
    { value: 50, floor: 20 },
  ],
};

test("a round is compared with its own floor, so one busy round changes little", () => {
  assert.deepEqual(summaryOf(list), { min: 50, median: 60, floorMedian: 40, score: 1.5, isMet: true });
});

test("the middle of an even number lies between two", () => {
  assert.equal(median([4, 1, 3, 2]), 2.5);
});

test("the table: aligned, with what could not be measured and why", () => {
  const memory: Measured = {
    name: "vmm-memory",
    what: "",
    over: null,
    unit: "MB",
    target: { kind: "value", limit: 40 },
    samples: [{ value: 93.4, floor: null }],
  };
  const none: Measured = { ...list, name: "exec", samples: [], trouble: "no network" };
  const over: Measured = {
    ...list,
    name: "delete",
    trouble: "failed in round 2",
    target: { kind: "over", limit: 50 },
    samples: [{ value: 20, floor: 7 }],
  };
  assert.equal(
    table([list, memory, none, over]),
    [
      "              min  median   floor   score     target",
      "list        50 ms   60 ms   40 ms    1.50    <= 1.60  met",
      "vmm-memory  93 MB   93 MB       -   93 MB   <= 40 MB  missed",
      "exec            -       -       -       -    <= 1.60  no network",
      "delete      20 ms   20 ms  7.0 ms  +13 ms  <= +50 ms  met; failed in round 2",
    ].join("\n"),
  );
});

test("a score over its floor has one sign, also where it is below", () => {
  const over = { target: { kind: "over", limit: 50 }, unit: "ms" } as const;
  assert.deepEqual(
    [12.6, 0.2, -0.4, -3].map((score) => scoreText(score, over)),
    ["+13 ms", "+0 ms", "+0 ms", "-3 ms"],
  );
});
