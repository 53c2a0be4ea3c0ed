import assert from "node:assert/strict";
import { test } from "node:test";
import { plainStage } from "../packages/cli/src/output/progress-view.ts";
import { stageMs } from "./stage-time.ts";

function toldOf(stage: string, detail: string, durationMs: number): string {
  return plainStage({ stage, state: "finished", startedAt: 0, durationMs, detail });
}

test("what banger tells of a stage is read back", () => {
  const stderr = [
    toldOf("list", "", 300),
    toldOf("copy", "10000 files, 95.4 MiB", 32_800),
    toldOf("copy-back", "2 files", 5000),
    "✓ ready  1m 40s",
  ].join("\n");
  assert.equal(stageMs(stderr, "copy"), 32_800);
  assert.equal(stageMs(stderr, "list"), 300);
  assert.equal(stageMs(toldOf("copy", "10000 files, 95.4 MiB", 125_000), "copy"), 125_000);
  assert.equal(stageMs(toldOf("copy", "", 725_000), "copy"), 725_000);
});

test("a stage that was not told of is an error", () => {
  assert.throws(() => stageMs(toldOf("disk", "", 20), "copy"), /no stage copy/);
});
