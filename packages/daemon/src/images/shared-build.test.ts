import assert from "node:assert/strict";
import { test } from "node:test";
import type { ProgressEvent } from "@banger/api";
import type { BuildSink } from "./build-events.ts";
import { SharedBuild } from "./shared-build.ts";

/** A build in the test's hands, its clock too. */
function controlled() {
  const end = Promise.withResolvers<string>();
  let report: BuildSink = () => {};
  let signal = new AbortController().signal;
  const clock = { ms: 0 };
  const build = new SharedBuild(
    (options) => {
      ({ report, signal } = options);
      return end.promise;
    },
    () => clock.ms,
  );
  const join = () => {
    const events: ProgressEvent[] = [];
    const abort = new AbortController();
    return { events, abort, result: build.join({ signal: abort.signal, progress: (event) => void events.push(event) }) };
  };
  return { build, end, clock, join, report: (event: Parameters<BuildSink>[0]) => report(event), isAborted: () => signal.aborted };
}

test("all callers get the result and each its own times; a late one first hears of the stage under way", async () => {
  const { build: _build, end, clock, join, report } = controlled();
  const early = join();
  report({ type: "stage.started", stage: "packages" });
  clock.ms = 10;
  report({ type: "stage.finished", stage: "packages", facts: { packages: 3 } });
  report({ type: "stage.started", stage: "squash" });
  report({ type: "stage.progress", stage: "squash", done: 1, total: 2, unit: "bytes" });
  clock.ms = 50;
  const late = join();
  clock.ms = 60;
  report({ type: "stage.finished", stage: "squash", facts: {} });
  end.resolve("image");
  assert.deepEqual(await Promise.all([early.result, late.result]), ["image", "image"]);
  assert.deepEqual(late.events, [
    { type: "stage.started", stage: "squash", atMs: 0 },
    { type: "stage.progress", stage: "squash", done: 1, total: 2, unit: "bytes", atMs: 0 },
    { type: "stage.finished", stage: "squash", facts: {}, durationMs: 50, atMs: 10 },
  ]);
  assert.deepEqual(early.events.at(-1), { type: "stage.finished", stage: "squash", facts: {}, durationMs: 50, atMs: 60 });
});

test("one who leaves is told at once; the build goes on for the others", async () => {
  const { build, end, join, isAborted } = controlled();
  const [one, other] = [join(), join()];
  one.abort.abort();
  await assert.rejects(one.result, { code: "operation.cancelled" });
  assert.equal(isAborted(), false);
  assert.equal(build.isCancelled, false);
  end.resolve("image");
  assert.equal(await other.result, "image");
});

test("the last to leave cancels the build and waits until it is undone", async () => {
  const { build, end, join, isAborted } = controlled();
  const last = join();
  let isTold = false;
  const told = assert.rejects(last.result, { code: "operation.cancelled" }).then(() => {
    isTold = true;
  });
  last.abort.abort();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(isAborted(), true);
  assert.equal(build.isCancelled, true);
  assert.equal(isTold, false);
  end.reject(new Error("undone"));
  await told;
});

test("a failure reaches every caller", async () => {
  const { end, join } = controlled();
  const callers = [join(), join()];
  end.reject(new Error("no network"));
  for (const { result } of callers) await assert.rejects(result, /no network/);
});
