// What is kept of commands that fail or never end.
import assert from "node:assert/strict";
import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { bangerOf, type Banger } from "./banger.ts";

async function withProgram(script: string, use: (banger: Banger, logged: readonly string[], interrupt: AbortController) => Promise<void>) {
  await using scratch = await mkdtempDisposable(join(tmpdir(), "banger-smoke-"));
  const program = join(scratch.path, "banger");
  await writeFile(program, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const logged: string[] = [];
  const interrupt = new AbortController();
  const env = { PATH: process.env["PATH"] ?? "" };
  await use(bangerOf({ program, env, log: (line) => void logged.push(line), signal: interrupt.signal }), logged, interrupt);
}

test("of long output the beginning and the end are logged, and what stderr says always", async () => {
  await withProgram("seq 1 1000; echo 'error: the reason' >&2", async ({ banger }, logged) => {
    const { stdout } = await banger(["vm", "list"]);
    assert.equal(stdout.split("\n").length, 1001);
    assert.deepEqual(logged.slice(0, 3), ["$ banger vm list", "  1", "  2"]);
    assert.ok(logged.length < 80);
    assert.ok(logged.includes("  … 940 lines"));
    assert.deepEqual(logged.slice(-3, -1), ["  1000", "  error: the reason"]);
  });
});

test("a command that does not end in time is told with its time and what it had said", async () => {
  await withProgram("echo half; echo 'on its way' >&2; exec sleep 100", async ({ banger }) => {
    await assert.rejects(banger(["vm", "run", "x"], { timeoutMs: 1000 }), (error) => {
      assert.ok(error instanceof Error);
      assert.match(error.message, /^banger vm run x did not end within 1 s; so far:\nhalf\non its way\n?$/);
      return true;
    });
  });
});

test("one that is ended with the run tells who ended it; one that cannot be started, why", async () => {
  await withProgram("exec sleep 100", async ({ banger }, _, interrupt) => {
    const ended = banger(["vm", "list"]);
    interrupt.abort(new Error("ended by SIGINT"));
    await assert.rejects(ended, /^Error: banger vm list was ended: ended by SIGINT; so far:\n$/);
    await assert.rejects(banger(["vm", "list"]), /ended by SIGINT/);
  });
  const options = { program: "/no/such/banger", env: {}, log: () => undefined, signal: new AbortController().signal };
  await assert.rejects(bangerOf(options).banger(["version"]), /ENOENT/);
});
