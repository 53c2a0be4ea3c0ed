// A number that is another process's by now is neither taken for alive nor signalled.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test, type TestContext } from "node:test";
import { hostBootId, identifyProcess, isProcessAlive, signalProcess, type ProcessIdentity } from "./process-identity.ts";

/** A process that ends when it is told to, with its identity. */
async function sleeper(context: TestContext) {
  const child = spawn("sleep", ["300"], { stdio: "ignore" });
  context.after(() => void child.kill("SIGKILL"));
  await once(child, "spawn");
  const identity = identifyProcess(child.pid ?? 0);
  if (identity === undefined) throw new Error("it ended at once");
  return { child, identity };
}

test("a process is known by its number, its start and the host's boot", async (context) => {
  const { child, identity } = await sleeper(context);
  assert.deepEqual([identity.pid, identity.bootId], [child.pid, hostBootId()]);
  assert.match(identity.startTicks, /^[0-9]+$/);
  assert.equal(isProcessAlive(identity), true);
  assert.equal(signalProcess(identity, "SIGTERM"), true);
  assert.deepEqual(await once(child, "close"), [null, "SIGTERM"]);
  assert.deepEqual(
    [isProcessAlive(identity), signalProcess(identity, "SIGTERM"), identifyProcess(identity.pid)],
    [false, false, undefined],
  );
});

for (const [what, change] of [
  ["another start", ({ startTicks }: ProcessIdentity) => ({ startTicks: String(BigInt(startTicks) + 1n) })],
  ["an earlier boot of the host", () => ({ bootId: "00000000-0000-4000-8000-000000000000" })],
] as const) {
  test(`a process of the same number and ${what} is not signalled`, async (context) => {
    const { child, identity } = await sleeper(context);
    const stale = { ...identity, ...change(identity) };
    assert.equal(isProcessAlive(stale), false);
    assert.equal(signalProcess(stale, "SIGKILL"), false);
    assert.equal(isProcessAlive(identity), true);
    assert.deepEqual([child.exitCode, child.signalCode], [null, null]);
  });
}

test("a process that has ended and waits to be reaped is dead", async (context) => {
  // The shell starts a child and never waits for it.
  const shell = spawn("sh", ["-c", "sh -c 'echo $$; exit' & exec sleep 300"], { stdio: ["ignore", "pipe", "ignore"] });
  context.after(() => void shell.kill("SIGKILL"));
  const [said] = (await once(shell.stdout, "data")) as [Buffer];
  const pid = Number(said.toString());
  for (const deadline = performance.now() + 10_000; identifyProcess(pid) !== undefined;) {
    assert.ok(performance.now() < deadline, "it did not end");
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(process.kill(pid, 0), true, "it is still there, as a zombie");
});
