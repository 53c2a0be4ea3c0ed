// What a daemon does at its start about images, where something of it fails: it starts all the same.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { identifyProcess, poll, type ProcessIdentity } from "@banger/host";
import { processesOf, signalGroup } from "./process-group.ts";
import { removeLeftBuilds } from "./scratch.ts";
import { Images } from "./service.ts";
import { ImageStore } from "./store.ts";

const never = new AbortController().signal;

async function world(context: TestContext) {
  const dir = await mkdtemp(join(tmpdir(), "banger-left-"));
  context.after(() => rm(dir, { recursive: true, force: true }));
  const stores = { imagesDir: join(dir, "images"), kernelsDir: join(dir, "kernels") };
  const failures: string[] = [];
  const host = { runAs: null, env: { PATH: process.env["PATH"] ?? "" }, scratchRoot: dir };
  const images = new Images({
    ...stores,
    ...{ recipesDir: dir, logDir: dir, npmDir: dir, aptDir: dir, agentPath: join(dir, "agent"), host },
    catalog: [],
    now: () => new Date(0),
    monotonicMs: () => 0,
    log: ({ what }) => void failures.push(String(what)),
  });
  return { dir, host, images, failures, buildsDir: join(stores.imagesDir, "builds"), store: new ImageStore(stores) };
}

/** The record and the directory of a build whose daemon died. */
async function leaveBuild(
  made: { readonly dir: string; readonly buildsDir: string },
  id: string,
  process?: ProcessIdentity,
): Promise<string> {
  const scratch = join(made.dir, `banger-${id}`);
  await mkdir(join(scratch, "tmp"), { recursive: true });
  await mkdir(join(made.buildsDir, id), { recursive: true });
  await writeFile(join(made.buildsDir, id, "build.json"), JSON.stringify({ scratch, ...(process === undefined ? {} : { process }) }));
  return scratch;
}

/** A process group whose leader has ended and whose child runs on, with `env`. */
async function orphanedGroup(context: TestContext, env: Readonly<Record<string, string>>): Promise<ProcessIdentity> {
  const leader = spawn("sh", ["-c", "sleep 300 >/dev/null 2>&1 & read line"], {
    detached: true,
    env: { PATH: process.env["PATH"] ?? "", ...env },
  });
  const { pid = 0 } = leader;
  const identity = await poll(async () => ((await processesOf(pid)).length > 1 ? identifyProcess(pid) : undefined), { timeoutMs: 10_000 });
  context.after(() => void signalGroup(pid, "SIGKILL"));
  leader.stdin.end("end\n");
  await once(leader, "close");
  if (identity === undefined) throw new Error("the group did not start");
  return identity;
}

test("a build that cannot be cleared away is told, kept for the next start, and hinders neither the others nor the daemon", async (context) => {
  const made = await world(context);
  const stuck = await leaveBuild(made, "Aaaaaa");
  await writeFile(join(stuck, "of somebody else"), "");
  await leaveBuild(made, "Bbbbbb");
  await mkdir(join(made.buildsDir, "Cccccc"));
  await writeFile(join(made.buildsDir, "Cccccc/build.json"), "{");
  await made.images.reconcile(() => []);
  assert.deepEqual(made.failures, ["build Aaaaaa", "build Cccccc"]);
  assert.deepEqual((await readdir(made.buildsDir)).toSorted(), ["Aaaaaa", "Cccccc"]);
  await rm(join(stuck, "of somebody else"));
  await made.images.reconcile(() => []);
  assert.deepEqual(await readdir(made.buildsDir), ["Cccccc"]);
});

test("an image that has lost a file is damaged, and hinders only itself", async (context) => {
  const made = await world(context);
  const [basePath, modulesSquashfs] = [join(made.dir, "root"), join(made.dir, "modules")];
  for (const path of [basePath, modulesSquashfs, join(made.dir, "agent")]) await writeFile(path, "content");
  const said = { name: "tiny", arch: "amd64", origin: "recipe:tiny", createdAt: "2026-01-01T00:00:00.000Z", format: "squashfs" as const };
  const kernel = { release: "6.1.0", bzImage: Buffer.from("bz"), vmlinux: Buffer.from("elf"), bootModules: Buffer.from("cpio") };
  const manifest = await made.store.publish({ ...said, env: [], basePath, modulesSquashfs, kernel }, never);
  await rm(made.store.files(manifest).bootModules);
  await made.images.reconcile(() => []);
  assert.deepEqual(made.failures, ["initramfs of image tiny"]);
  await assert.rejects(made.images.find("tiny"), { code: "image.corrupt", hint: "banger image pull tiny" });
});

test("what a build's program started is ended, also when the program itself has gone", { timeout: 20_000 }, async (context) => {
  const made = await world(context);
  const group = await orphanedGroup(context, { TMPDIR: join(made.dir, "banger-Aaaaaa/tmp") });
  await leaveBuild(made, "Aaaaaa", group);
  await removeLeftBuilds(made.buildsDir, made.host, (_what, error) => assert.fail(String(error)));
  assert.deepEqual([await processesOf(group.pid), await readdir(made.buildsDir)], [[], []]);
});

test("a group that has the number of a build's program and nothing else of it is let be", { timeout: 20_000 }, async (context) => {
  const made = await world(context);
  const group = await orphanedGroup(context, { TMPDIR: "/elsewhere" });
  await leaveBuild(made, "Aaaaaa", group);
  await removeLeftBuilds(made.buildsDir, made.host, (_what, error) => assert.fail(String(error)));
  assert.equal((await processesOf(group.pid)).length, 1);
});
