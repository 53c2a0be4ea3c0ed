// Real builds of a tiny image, as they are for the default one: mmdebstrap, the network, a user namespace.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test, type TestContext } from "node:test";
import { BangerError, type ProgressEvent } from "@banger/api";
import { poll } from "@banger/host";
import { archiveObstacle } from "./archive-reach.test-support.ts";
import { processesOf } from "./process-group.ts";
import { checkBuilder, type BuilderHost } from "./recipe-preflight.ts";
import { testBuilderHost, tinyImages } from "./test-builder.ts";

const TIMEOUT_MS = 300_000;
const ROOT = "/var/tmp";
const never = new AbortController().signal;
const nobody = () => [];

const host = await testBuilderHost(process.env["PATH"] ?? "", process.getuid?.() ?? 0).catch((error: Error) => error.message);
const skip =
  typeof host === "string"
    ? host
    : await checkBuilder(host, 0, never).then(
        async () => (await archiveObstacle()) ?? false,
        (error: Error) => error.message,
      );
const options = { skip, timeout: TIMEOUT_MS };

async function testDirectory(context: TestContext): Promise<{ readonly dir: string; readonly builder: BuilderHost }> {
  if (typeof host === "string") throw new Error(host);
  const dir = await mkdtemp(join(ROOT, "banger-builds-"));
  context.after(() => rm(dir, { recursive: true }));
  return { dir, builder: host };
}

/** Resolves once packages are being unpacked: mmdebstrap is at work inside its namespace. */
function atWork() {
  const reached = Promise.withResolvers<void>();
  const progress = (event: ProgressEvent) => {
    if (event.type === "stage.progress" && event.unit === "packages" && event.done > 5) reached.resolve();
  };
  return { progress, reached: reached.promise };
}

/** The process group of the build under way, as it is recorded for a later daemon. */
async function recordedGroup(dir: string): Promise<number> {
  const [build = ""] = await readdir(join(dir, "images/builds"));
  const record = JSON.parse(await readFile(join(dir, "images/builds", build, "build.json"), "utf8")) as {
    readonly process: { readonly pid: number };
  };
  return record.process.pid;
}

async function assertNothingLeft(dir: string): Promise<void> {
  assert.deepEqual(await readdir(join(dir, "scratch")), []);
  assert.deepEqual(await readdir(join(dir, "images/builds")), []);
}

test("two pulls at once share one build; what it gave is whole, and its damage is seen", options, async (context) => {
  const { dir, builder } = await testDirectory(context);
  const images = await tinyImages(dir, builder);
  const events: ProgressEvent[] = [];
  const first = images.pull("tiny", { signal: never, progress: (event) => void events.push(event) });
  const second = images.pull("tiny", { signal: never, progress: () => {} });
  await poll(async () => ((await images.show("tiny")).status === "building" ? true : undefined), { timeoutMs: 10_000 });
  const [ready, same] = await Promise.all([first, second]);
  assert.equal(same, ready);

  const finished = events.filter((event) => event.type === "stage.finished");
  assert.deepEqual(
    finished.map(({ stage }) => stage),
    ["packages", "squash", "kernel", "store"],
  );
  assert.ok(Number(finished[0]?.facts?.["packages"]) > 20);
  assert.ok(Number(finished[0]?.facts?.["bytes"]) > 10_000_000);
  await assertNothingLeft(dir);

  assert.deepEqual([await fileMagic(ready.basePath), await fileMagic(ready.modulesPath ?? "")], ["hsqs", "hsqs"]);
  assert.equal(await fileMagic(ready.boot.vmlinux), "\x7fELF");
  const initramfs = await readFile(ready.boot.initramfs);
  for (const part of ["init\0\0agent", "modules/order\0", "\nvirtio_blk.ko\n", "modules/virtio_blk.ko\0"])
    assert.ok(initramfs.includes(part), part);
  assert.deepEqual(await images.find("tiny"), ready);
  assert.deepEqual(await images.byDigest(ready.digest), ready);
  assert.deepEqual(
    (await images.list()).map(({ name, status, digest }) => [name, status, digest]),
    [["tiny", "ready", ready.digest]],
  );

  await assert.rejects(
    images.delete("tiny", () => ["sandbox"]),
    { code: "image.in_use", hint: "banger vm delete sandbox" },
  );
  await images.reconcile(nobody);
  assert.deepEqual(await images.find("tiny"), ready);
  await chmod(ready.basePath, 0o644);
  await truncate(ready.basePath, (await stat(ready.basePath)).size - 1);
  await assert.rejects(images.find("tiny"), { code: "image.corrupt", hint: "banger image pull tiny" });
  await images.delete("tiny", nobody);
  assert.equal(await images.find("tiny"), undefined);
  assert.deepEqual([await readdir(join(dir, "images/bases")), await readdir(join(dir, "kernels"))], [[], []]);
});

const twoBuilds = { skip, timeout: 2 * TIMEOUT_MS };

test("an image whose recipe has changed is built anew, and the old one stays while a VM is on it", twoBuilds, async (context) => {
  const { dir, builder } = await testDirectory(context);
  const images = await tinyImages(dir, builder);
  const pull = () => images.pull("tiny", { signal: never, progress: () => {} });
  const old = await pull();
  assert.equal((await images.show("tiny")).outdated, false);
  await mkdir(join(dir, "recipes/tiny/files/etc"), { recursive: true });
  await writeFile(join(dir, "recipes/tiny/files/etc/new"), "new");
  assert.equal((await images.show("tiny")).outdated, true);
  const anew = await pull();
  assert.notEqual(anew.digest, old.digest);
  assert.equal((await images.show("tiny")).outdated, false);
  assert.deepEqual(await pull(), anew);
  await images.reconcile((digest) => (digest === old.digest ? ["sandbox"] : []));
  assert.deepEqual(await images.byDigest(old.digest), old);
  await images.reconcile(nobody);
  await assert.rejects(images.byDigest(old.digest), { code: "image.not_found" });
});

test("a pull that is given up ends its processes and leaves nothing", options, async (context) => {
  const { dir, builder } = await testDirectory(context);
  const images = await tinyImages(dir, builder);
  const { progress, reached } = atWork();
  const giveUp = new AbortController();
  const pull = images.pull("tiny", { signal: giveUp.signal, progress });
  await Promise.race([reached, pull]);
  const group = await recordedGroup(dir);
  assert.ok((await processesOf(group)).length > 1);
  giveUp.abort();
  await assert.rejects(pull, { code: "operation.cancelled" });
  assert.deepEqual(await processesOf(group), []);
  await assertNothingLeft(dir);
  assert.equal((await images.show("tiny")).status, "available");
});

test("what a killed daemon was building is gone once the next one has looked", options, async (context) => {
  const { dir, builder } = await testDirectory(context);
  const daemon = spawn(process.execPath, [join(import.meta.dirname, "pull.test-support.ts"), dir], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const { progress, reached } = atWork();
  const ended = new Promise<void>((resolve) => daemon.once("close", () => resolve()));
  createInterface({ input: daemon.stdout }).on("line", (line) => progress(JSON.parse(line) as ProgressEvent));
  await Promise.race([reached, ended]);
  const group = await recordedGroup(dir);
  assert.equal(daemon.kill("SIGKILL"), true);
  await ended;
  const images = await tinyImages(dir, builder);
  await images.reconcile(nobody);
  assert.deepEqual(await processesOf(group), []);
  await assertNothingLeft(dir);
  assert.equal(await images.find("tiny"), undefined);
});

test("a build that fails says why in apt's words and where the rest is", options, async (context) => {
  const { dir, builder } = await testDirectory(context);
  const images = await tinyImages(dir, builder, ["no-such-package"]);
  const error = await images.pull("tiny", { signal: never, progress: () => {} }).catch((thrown: unknown) => thrown);
  assert.ok(error instanceof BangerError);
  assert.equal(error.code, "image.build_failed");
  assert.match(error.message, /image tiny was not built, stage packages: E: Unable to locate package no-such-package/);
  assert.equal(error.details?.["stage"], "packages");
  assert.match(await readFile(String(error.details["log"]), "utf8"), /no-such-package/);
  await assertNothingLeft(dir);
});

async function fileMagic(path: string): Promise<string> {
  return (await readFile(path)).toString("latin1", 0, 4);
}
