// What a run leaves when it is killed, in small: programs, other states below its own, a mount, files.
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtempDisposable, readdir, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { run } from "@banger/host";
import { ownerOf } from "../../scripts/leftovers.ts";
import { claimHome, LOCK, makeHome } from "./own-home.ts";
import { removeHome, sweep } from "./sweep.ts";

const owner = await ownerOf(process.getuid?.() ?? 0);
const sweeping = { owner, say: () => undefined };

async function scratchHome() {
  const scratch = await mkdtempDisposable(join(tmpdir(), "banger-smoke-"));
  const home = join(scratch.path, "home");
  await makeHome(home, owner);
  return { home, directory: scratch.path, [Symbol.asyncDispose]: () => scratch.remove() };
}

async function write(...paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    await mkdir(join(path, ".."), { recursive: true });
    await writeFile(path, "");
  }
}

/** A program of that name which says that it is there, and waits; it opens `file` first. */
async function pretend(path: string, home: string, file?: string): Promise<Disposable & { readonly child: ChildProcess }> {
  const open = file === undefined ? "" : `require("fs").openSync(${JSON.stringify(file)}, "w");`;
  await mkdir(join(path, ".."), { recursive: true });
  await writeFile(path, `${open} setInterval(() => undefined, 1000); console.log("ready");`);
  const child = spawn(process.execPath, [path], { env: { BANGER_HOME: home }, stdio: ["ignore", "pipe", "ignore"] });
  await once(child.stdout, "data");
  return { child, [Symbol.dispose]: () => void child.kill("SIGKILL") };
}

test("every banger below the directory is ended, whatever state it has there; others and bystanders are not", async () => {
  await using place = await scratchHome();
  const { home, directory } = place;
  const nested = join(home, "scratch/full-disk/home");
  await write(join(nested, "data/lock.db"));
  using client = await pretend(join(directory, "banger.cjs"), home);
  using daemon = await pretend(join(directory, "bangerd.cjs"), nested);
  // Told by the lock alone.
  using renamed = await pretend(join(directory, "renamed.cjs"), "", join(nested, "data/lock.db"));
  using other = await pretend(join(directory, "other/bangerd.cjs"), `${home}-of-another`);
  using bystander = await pretend(join(directory, "shell.cjs"), home);
  const ended = [client, daemon, renamed].map(({ child }) => once(child, "exit"));
  await sweep(home, sweeping);
  await Promise.all(ended);
  for (const { child } of [other, bystander]) assert.deepEqual([child.exitCode, child.signalCode], [null, null]);
});

test("images, caches and logs stay, and nothing else: neither another run's work nor its config", async () => {
  await using place = await scratchHome();
  const { home } = place;
  const files = ["data/images/a", "data/kernels/a", "data/kept/a/b", "data/state.db", "data/vms/a/b", "cache/a", "logs/a.log"];
  await write(...[...files, "config/config.toml", "scratch/a", "repository/a", "state/bangerd.log", LOCK].map((file) => join(home, file)));
  await sweep(home, sweeping);
  assert.deepEqual((await readdir(home)).toSorted(), ["cache", "data", "logs", LOCK]);
  assert.deepEqual((await readdir(join(home, "data"))).toSorted(), ["images", "kernels"]);
  await removeHome(home, sweeping);
  assert.deepEqual(await readdir(place.directory), []);
  await removeHome(home, sweeping);
});

test("what a scenario mounted comes off, what lay under it too", async (t) => {
  await using place = await scratchHome();
  const mount = join(place.home, "scratch/full-disk/ho me");
  await mkdir(mount, { recursive: true });
  const mounted = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", mount];
  const cannot = await run(mounted).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (cannot !== undefined) return t.skip("root that may mount a file system");
  await write(join(mount, "data/lock.db"));
  await run(mounted);
  try {
    await removeHome(place.home, sweeping);
    assert.deepEqual(await readdir(place.directory), []);
  } finally {
    await run(["umount", mount]).catch(() => undefined);
    await run(["umount", mount]).catch(() => undefined);
  }
});

test("a directory in use is refused, with the process that has it, and can be had again after it", async () => {
  await using place = await scratchHome();
  const { home } = place;
  const module = JSON.stringify(join(import.meta.dirname, "own-home.ts"));
  const script = `import { claimHome } from ${module}; globalThis.claim = await claimHome(${JSON.stringify(home)}, { uid: process.getuid(), runAs: null }); setInterval(() => undefined, 1000); console.log("ready");`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  try {
    await once(child.stdout, "data");
    for (const attempt of [() => claimHome(home, owner), () => removeHome(home, sweeping)])
      await assert.rejects(attempt(), new RegExp(`${home} is in use by process ${child.pid};`));
  } finally {
    child.kill("SIGKILL");
    await exited;
  }
  using _claim = await claimHome(home, owner);
});

test("somebody else's directory, and a symlink in its place, are refused and left as they are", async () => {
  await using place = await scratchHome();
  const link = join(place.directory, "link");
  await write(join(place.home, "precious"));
  await symlink(place.home, link);
  await assert.rejects(makeHome(link, owner), /is not a directory of user/);
  await assert.rejects(removeHome(link, sweeping), /is not a directory of user/);
  await assert.rejects(makeHome(place.home, { uid: owner.uid + 1, runAs: null }), /is not a directory of user/);
  assert.deepEqual(await readdir(place.home), ["precious"]);
});
