import assert from "node:assert/strict";
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { resolvePaths } from "@banger/api";
import { endLeftovers, findDaemon, findJails } from "./leftovers.ts";

const execute = promisify(execFile);
const owner = { uid: process.getuid?.() ?? 0, runAs: null };
const silent = () => undefined;

async function home(): Promise<AsyncDisposable & { readonly path: string; readonly paths: ReturnType<typeof resolvePaths> }> {
  const path = await mkdtemp(join(tmpdir(), "banger-clean-"));
  return {
    path,
    paths: resolvePaths({ uid: owner.uid, home: path, env: { BANGER_HOME: path } }),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true }),
  };
}

/** A process that calls itself `argv0` and waits; it has a child that waits too. */
function pretend(argv0: string, args: readonly string[], extraFd?: number): Disposable & { readonly child: ChildProcess } {
  const script = "sleep 1000 & wait";
  const child = spawn("/bin/sh", ["-c", script, "--", ...args], {
    argv0,
    detached: true,
    stdio: ["ignore", "ignore", "ignore", extraFd ?? "ignore"],
  });
  return {
    child,
    [Symbol.dispose]: () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
      }
    },
  };
}

async function untilItHasAChild(pid: number | undefined): Promise<void> {
  const deadline = Date.now() + 5000;
  while (Date.now() < deadline) {
    if ((await readFile(`/proc/${pid}/task/${pid}/children`, "utf8")) !== "") return;
  }
  assert.fail("the pretended process made no child");
}

test("jails of this data directory are ended with what is in them; others' and bystanders are not", async () => {
  await using mine = await home();
  await using others = await home();
  await mkdir(join(mine.paths.vmsDir, "a1b2c3"), { recursive: true });
  using jail = pretend("bwrap", ["--bind", join(mine.paths.vmsDir, "a1b2c3/run"), "/run/vm"]);
  using orphan = pretend("/usr/bin/qemu-system-x86_64", ["-name", "a1b2c3"]);
  using otherJail = pretend("bwrap", ["--bind", join(others.paths.vmsDir, "a1b2c3/run"), "/run/vm"]);
  using pager = pretend("less", [join(mine.paths.vmsDir, "a1b2c3/console.log")]);
  for (const { child } of [jail, orphan, otherJail, pager]) await untilItHasAChild(child.pid);

  const found = (await findJails(mine.paths, owner)).map(({ pid }) => pid);
  assert.equal(found.length, 3);
  assert.ok(found.includes(jail.child.pid ?? 0) && found.includes(orphan.child.pid ?? 0));

  const ended = [once(jail.child, "exit"), once(orphan.child, "exit")];
  await endLeftovers(mine.paths, owner, silent);
  await Promise.all(ended);
  assert.deepEqual([otherJail.child.exitCode, otherJail.child.signalCode], [null, null]);
  assert.deepEqual([pager.child.exitCode, pager.child.signalCode], [null, null]);
});

test("the daemon is who holds the lock of this data directory", async () => {
  await using mine = await home();
  await mkdir(mine.paths.dataDir, { recursive: true });
  assert.equal(await findDaemon(mine.paths, owner), undefined);
  const lock = openSync(join(mine.paths.dataDir, "lock.db"), "w");
  using daemon = pretend("bangerd", [], lock);
  closeSync(lock);
  assert.ok(daemon.child.pid !== undefined);
  const found = await findDaemon(mine.paths, owner);
  assert.ok(found !== undefined);
});

test("banger's directories go, config and strangers stay, and planted symlinks are not followed", async () => {
  await using mine = await home();
  const elsewhere = join(mine.path, "elsewhere");
  await mkdir(elsewhere);
  await writeFile(join(elsewhere, "precious"), "");
  await mkdir(join(mine.path, "config"));
  await writeFile(mine.paths.configFile, "");
  await mkdir(mine.paths.vmsDir, { recursive: true });
  await writeFile(join(mine.paths.dataDir, "state.db"), "no database at all");
  await symlink(elsewhere, join(mine.paths.vmsDir, "planted"));
  await symlink(elsewhere, mine.paths.cacheDir);
  await mkdir(mine.paths.stateDir);

  const { stderr } = await execute(process.execPath, [join(import.meta.dirname, "clean-state.ts")], {
    env: { ...process.env, BANGER_HOME: mine.path },
  });
  assert.deepEqual((await readdir(mine.path)).toSorted(), ["config", "elsewhere"]);
  assert.deepEqual(await readdir(elsewhere), ["precious"]);
  assert.deepEqual(await readdir(join(mine.path, "config")), ["config.toml"]);
  assert.match(stderr, /removed the symlink .*what it pointed to stays/);
});

test("a data directory that is a symlink is unlinked; its target is not taken for banger's", async () => {
  await using mine = await home();
  const target = join(mine.path, "target");
  await mkdir(join(target, "vms/a1b2c3"), { recursive: true });
  await symlink(target, mine.paths.dataDir);
  await execute(process.execPath, [join(import.meta.dirname, "clean-state.ts")], { env: { ...process.env, BANGER_HOME: mine.path } });
  assert.deepEqual(await readdir(mine.path), ["target"]);
  assert.deepEqual(await readdir(target), ["vms"]);
});
