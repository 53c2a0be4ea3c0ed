import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { checkDeps } from "../testing/check-deps.ts";
import { createOutput } from "./output.ts";
import { createProgress } from "./progress.ts";

test("without a terminal a long stage is told of now and then, once it has something to tell", async (context) => {
  let now = 1000;
  context.mock.method(performance, "now", () => now);
  const stderr = new PassThrough();
  const deps = { ...checkDeps([]), stderr };
  using progress = await createProgress({ deps, output: createOutput(deps, { isJson: false, isQuiet: false }) });
  const sink = progress.sink();
  sink({ type: "stage.started", stage: "boot", atMs: 0 });
  now += 60_000;
  sink({ type: "stage.finished", stage: "boot", durationMs: 60_000, atMs: 0 });
  sink({ type: "stage.started", stage: "packages", atMs: 0 });
  for (const done of [10, 20, 30, 40]) {
    now += 7_500;
    sink({ type: "stage.progress", stage: "packages", done, total: 346, unit: "packages", atMs: 0 });
  }
  sink({ type: "stage.finished", stage: "packages", durationMs: 31_000, facts: { packages: 346 }, atMs: 0 });
  assert.deepEqual(String(stderr.read()).trimEnd().split("\n"), [
    "✓ boot  1m 00s",
    "… packages  20 of 346 packages  15.0s",
    "… packages  40 of 346 packages  30.0s",
    "✓ packages  346 packages  31.0s",
  ]);
});
