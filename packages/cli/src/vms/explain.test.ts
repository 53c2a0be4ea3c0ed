import assert from "node:assert/strict";
import { test } from "node:test";
import { explainTimes, recordBoot } from "./explain.ts";

test("stages, what lies between them, and the whole", () => {
  const finished = [
    { stage: "disk", durationMs: 40, atMs: 60 },
    { stage: "network", durationMs: 200, atMs: 280 },
    { stage: "agent", durationMs: 2_600, atMs: 2_900 },
  ];
  assert.equal(
    explainTimes({ connectedMs: 50, finished, totalMs: 3_000 }),
    `where the time went:
  to the daemon        50 ms    2%
  disk                 40 ms    1%
  network             200 ms    7%
  agent              2600 ms   87%
  between stages      110 ms    4%
  ready after        3000 ms  100%
`,
  );
});

test("stages at the same time count once", () => {
  const finished = [
    { stage: "packages", durationMs: 900, atMs: 900 },
    { stage: "kernel", durationMs: 400, atMs: 1_000 },
  ];
  assert.match(explainTimes({ connectedMs: 0, finished, totalMs: 1_000 }), /between stages +0 ms/);
});

test("events are taken as they come", () => {
  const times = recordBoot();
  times.sink({ type: "operation", id: "7f3a" });
  times.sink({ type: "stage.started", stage: "vmm", atMs: 1 });
  times.sink({ type: "stage.finished", stage: "vmm", durationMs: 120, atMs: 121 });
  assert.match(times.explain(), /vmm +120 ms/);
});
