import assert from "node:assert/strict";
import { test } from "node:test";
import type { ProgressEvent } from "@banger/api";
import { advance, formatFacts, progressLines, type ProgressView } from "./progress-view.ts";

type StageEvent = Extract<ProgressEvent, { readonly stage: string }>;
const plain = (_: string, text: string) => text;

function after(...events: readonly StageEvent[]): ProgressView {
  return events.reduce<ProgressView>((view, event) => advance(view, event, 1000), []);
}

test("stages with something to tell have a line each, quick ones share one", () => {
  const view = after(
    { type: "stage.started", stage: "packages", atMs: 0 },
    { type: "stage.finished", stage: "packages", durationMs: 58_100, atMs: 0, facts: { packages: 321, bytes: 198 * 1024 ** 2 } },
    { type: "stage.started", stage: "squash", atMs: 0 },
    { type: "stage.progress", stage: "squash", done: 1024 ** 2, total: 366 * 1024 ** 2, unit: "bytes", atMs: 0 },
    { type: "stage.started", stage: "disk", atMs: 0 },
    { type: "stage.finished", stage: "disk", durationMs: 20, atMs: 0 },
    { type: "stage.started", stage: "boot", atMs: 0 },
  );
  assert.deepEqual(progressLines(view, 3400, plain), [
    "  ✓ packages  321 packages, 198 MiB         58.1s",
    "  … squash    1 MiB of 366 MiB              2.4s",
    "  ✓ disk  … boot 2.4s",
  ]);
});

test("a stage that begins again keeps its place", () => {
  const view = after(
    { type: "stage.started", stage: "boot", atMs: 0 },
    { type: "stage.finished", stage: "boot", durationMs: 20, atMs: 0 },
    { type: "stage.started", stage: "ssh", atMs: 0 },
    { type: "stage.started", stage: "boot", atMs: 0 },
  );
  assert.deepEqual(progressLines(view, 1000, plain), ["  … boot  … ssh"]);
});

test("facts are read by their keys", () => {
  assert.equal(formatFacts({ release: "6.1.0-56-cloud-amd64" }), "6.1.0-56-cloud-amd64");
  assert.equal(formatFacts({ sizeBytes: 4096, files: 3 }), "4 KiB, 3 files");
  assert.equal(formatFacts(undefined), "");
});
