import assert from "node:assert/strict";
import { test } from "node:test";
import { Deadline } from "./deadline.ts";

const never = () => new Promise<void>(() => undefined);
const open = (signal = new AbortController().signal) => new Deadline({ signal, timeoutMs: 20, graceMs: 20 });

test("work that never settles is told to end, then abandoned", async () => {
  using deadline = open();
  await assert.rejects(deadline.bound(never()), /^Error: not done within 0.02 s$/);
  assert.ok(deadline.signal.aborted);
});

test("work that fails because it was told to end fails for that reason, and its own is kept", async () => {
  using deadline = open();
  const work = new Promise<void>((_, reject) => deadline.signal.addEventListener("abort", () => reject(new Error("a command was ended"))));
  await assert.rejects(deadline.bound(work), (error) => {
    assert.ok(error instanceof Error && error.cause instanceof Error);
    assert.deepEqual([error.message, error.cause.message], ["not done within 0.02 s", "a command was ended"]);
    return true;
  });
});

test("an interruption ends it before its time, also where the work takes no notice", async () => {
  const interrupted = new AbortController();
  using deadline = open(interrupted.signal);
  const bound = deadline.bound(never());
  interrupted.abort(new Error("ended by SIGINT"));
  await assert.rejects(bound, /ended by SIGINT/);
});

test("work that ends in time answers, and throws its own", async () => {
  using deadline = open();
  await deadline.bound(Promise.resolve());
  await assert.rejects(deadline.bound(Promise.reject(new Error("its own"))), /^Error: its own$/);
});
