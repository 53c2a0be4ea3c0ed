// The daemon's socket takes the place of a stale one, and of nothing else.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdir, mkdtempDisposable, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fastify from "fastify";
import { listenOnSocket } from "./listen.ts";

test("a stale socket is replaced, and only its owner may connect", async () => {
  await using scratch = await mkdtempDisposable(join(tmpdir(), "banger-listen-"));
  const path = join(scratch.path, "bangerd.sock");
  spawnSync(process.execPath, [
    "-e",
    "require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))",
    path,
  ]);
  assert.ok((await stat(path)).isSocket());
  const app = fastify();
  await listenOnSocket(app, path);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  await app.close();
});

test("what is no socket is left alone and named, with the command that makes room", async () => {
  await using scratch = await mkdtempDisposable(join(tmpdir(), "banger-listen-"));
  const [directory, file, link] = ["directory", "file", "link"].map((name) => join(scratch.path, name)) as [string, string, string];
  await mkdir(directory);
  await writeFile(file, "somebody's");
  await symlink(file, link);
  for (const [path, what] of [
    [directory, "a directory"],
    [file, "a file"],
    [link, "a symbolic link"],
  ] as const) {
    const app = fastify();
    await assert.rejects(listenOnSocket(app, path), {
      code: "daemon.start_failed",
      message: `the daemon's socket has no place: ${path} is ${what}`,
      hint: `mv ${path} ${path}.aside`,
    });
    await app.close();
  }
  assert.equal(await readFile(link, "utf8"), "somebody's");
});
