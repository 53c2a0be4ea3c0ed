import assert from "node:assert/strict";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { poll } from "@banger/host";
import { runBuildCommand, type BuildCommand } from "./build-process.ts";
import { processesOf } from "./process-group.ts";

const never = new AbortController().signal;

/** `script` run by sh in a directory of its own. */
async function command(context: TestContext, script: string, more: Partial<BuildCommand> = {}) {
  const dir = await mkdtemp(join(tmpdir(), "banger-process-"));
  context.after(() => rm(dir, { recursive: true }));
  const lines: string[] = [];
  const env = { PATH: process.env["PATH"] ?? "/usr/bin:/bin" };
  const argv = ["sh", "-c", script];
  return {
    dir,
    lines,
    command: { argv, cwd: dir, env, runAs: null, signal: never, onLine: (line: string) => void lines.push(line), ...more },
  };
}

test("both outputs come by the line, the last one too; input comes from a file", async (context) => {
  const { dir, lines, command: base } = await command(context, "cat; echo error >&2; printf 'no newline'; exit 3");
  await writeFile(join(dir, "input"), "input\n");
  assert.equal(await runBuildCommand({ ...base, stdinPath: join(dir, "input") }), 3);
  assert.deepEqual(lines.toSorted(), ["error", "input", "no newline"]);
});

test("input through a symlink is refused: its directory is another user's", async (context) => {
  const { dir, command: base } = await command(context, "cat");
  await symlink("/etc/passwd", join(dir, "input"));
  await assert.rejects(runBuildCommand({ ...base, stdinPath: join(dir, "input") }), { code: "ELOOP" });
});

/** A killed process is there a moment longer. */
async function assertNoneLeft(group: number): Promise<void> {
  assert.notEqual(group, 0);
  await poll(async () => ((await processesOf(group)).length === 0 ? true : undefined), { timeoutMs: 5_000 });
  assert.deepEqual(await processesOf(group), []);
}

for (const [how, trap] of [
  ["that ends when asked", "trap 'kill %1; exit 0' TERM"],
  ["that ignores being asked", "trap '' TERM"],
] as const) {
  test(`a program ${how} is gone with its children once the pull is given up`, { timeout: 20_000 }, async (context) => {
    const giveUp = new AbortController();
    let group = 0;
    const { command: base } = await command(context, `${trap}; sleep 60 & sleep 60 >/dev/null 2>&1 & echo up; wait; wait`, {
      signal: giveUp.signal,
      graceMs: 300,
      onLine: () => giveUp.abort(),
      onStart: async (pid) => {
        group = pid;
      },
    });
    await assert.rejects(runBuildCommand(base), { code: "operation.cancelled" });
    await assertNoneLeft(group);
  });
}

test("a program that cannot be remembered does not run on", { timeout: 20_000 }, async (context) => {
  let group = 0;
  const { command: base } = await command(context, "sleep 60", {
    onStart: async (pid) => {
      group = pid;
      throw new Error("no room");
    },
  });
  await assert.rejects(runBuildCommand(base), /no room/);
  await assertNoneLeft(group);
});
