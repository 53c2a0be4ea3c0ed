import assert from "node:assert/strict";
import { appendFile, chmod, mkdir, mkdtemp, readdir, rm, stat, symlink, truncate, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { digestOf, type Manifest } from "./manifest.ts";
import { ImageStore } from "./store.ts";

const never = new AbortController().signal;
const nobody = () => [];

async function emptyStore(context: TestContext) {
  const dir = await mkdtemp(join(tmpdir(), "banger-store-"));
  context.after(() => rm(dir, { recursive: true }));
  const directories = { imagesDir: join(dir, "images"), kernelsDir: join(dir, "kernels") };
  const publish = async (
    content: string,
    { store = new ImageStore(directories), signal = never, name = "debian" } = {},
  ): Promise<Manifest> => {
    await mkdir(join(dir, "work"), { recursive: true });
    const [basePath, modulesSquashfs] = [join(dir, "work/root.squashfs"), join(dir, "work/modules.squashfs")];
    await writeFile(basePath, `root of ${content}`);
    await writeFile(modulesSquashfs, `modules of ${content}`);
    const kernel = {
      release: "6.1.0-56-cloud-amd64",
      bzImage: Buffer.from("bz"),
      vmlinux: Buffer.from("elf"),
      bootModules: Buffer.from("cpio"),
    };
    const said = {
      name,
      arch: "amd64",
      origin: "recipe:debian",
      createdAt: "2026-01-01T00:00:00.000Z",
      format: "squashfs" as const,
      env: [],
    };
    return store.publish({ ...said, basePath, modulesSquashfs, kernel }, signal);
  };
  return { dir, directories, store: new ImageStore(directories), publish };
}

test("a published image is found by name and digest, whole, for everybody to read", async (context) => {
  const { store, publish } = await emptyStore(context);
  const before = process.umask(0o077);
  const manifest = await publish("one").finally(() => process.umask(before));
  assert.deepEqual(await store.named("debian"), manifest);
  assert.deepEqual(await store.byDigest(digestOf(manifest)), manifest);
  await store.verify(manifest);
  const { base, kernelDir, vmlinux } = store.files(manifest);
  assert.equal((await stat(base)).mode & 0o777, 0o444);
  assert.equal((await stat(vmlinux)).mode & 0o777, 0o444);
  assert.equal((await stat(kernelDir)).mode & 0o777, 0o755);
  assert.equal(await store.named("other"), undefined);
});

test("a symlink in place of what a build gave is not followed into the store", async (context) => {
  const { dir, store, directories } = await emptyStore(context);
  const [secret, link, plain] = [join(dir, "secret"), join(dir, "link"), join(dir, "plain")];
  for (const path of [secret, plain]) await writeFile(path, "secret");
  await symlink(secret, link);
  const said = {
    name: "debian",
    arch: "amd64",
    origin: "recipe:debian",
    createdAt: "2026-01-01T00:00:00.000Z",
    format: "squashfs" as const,
  };
  const kernel = { release: "6.1.0", bzImage: Buffer.from("bz"), vmlinux: Buffer.from("elf"), bootModules: Buffer.from("cpio") };
  for (const files of [
    { basePath: link, modulesSquashfs: plain },
    { basePath: plain, modulesSquashfs: link },
  ]) {
    await assert.rejects(store.publish({ ...said, env: [], ...files, kernel }, never), { code: "ELOOP" });
  }
  assert.deepEqual(await readdir(directories.imagesDir).catch(() => []), []);
});

test("a shorter, changed or missing file is damage, with the way out", async (context) => {
  const { store, publish } = await emptyStore(context);
  const damaged = { code: "image.corrupt", hint: "banger image pull debian" };
  const damages: readonly ((path: string) => Promise<void>)[] = [
    (path) => truncate(path, 3),
    (path) => appendFile(path, "more"),
    (path) => rm(path),
    async (path) => {
      const { size } = await stat(path);
      await writeFile(path, "x".repeat(size));
    },
  ];
  for (const damage of damages) {
    for (const file of ["base", "bzImage", "modules", "bootModules"] as const) {
      const manifest = await publish("one");
      await store.verify(manifest);
      const path = store.files(manifest)[file];
      await chmod(path, 0o644);
      await damage(path);
      await assert.rejects(store.verify(manifest), damaged);
      // Publishing the same again cures it.
      await store.verify(await publish("one"));
    }
  }
});

test("a file with a new time and the old content is whole", async (context) => {
  const { store, publish } = await emptyStore(context);
  const manifest = await publish("one");
  await utimes(store.files(manifest).base, 1, 1);
  await store.verify(manifest);
  await store.verify(manifest);
});

test("what cannot be read of an image is damage too", async (context) => {
  const { directories, store, publish } = await emptyStore(context);
  await publish("one");
  await writeFile(join(directories.imagesDir, "names/debian.json"), "{");
  await assert.rejects(store.named("debian"), { code: "image.corrupt" });
});

test("a superseded image stays while a VM is on it", async (context) => {
  const { directories, store, publish } = await emptyStore(context);
  const [old, present] = [await publish("one"), await publish("two")];
  assert.equal(digestOf((await store.named("debian")) ?? present), digestOf(present));
  await store.collect((digest) => (digest === digestOf(old) ? ["vm"] : []));
  await store.verify(old);
  await store.collect(nobody);
  assert.equal(await store.byDigest(digestOf(old)), undefined);
  await store.verify(present);
  assert.equal((await readdir(join(directories.imagesDir, "bases"))).length, 1);
  assert.equal((await readdir(directories.kernelsDir)).length, 1);
});

test("an image whose name is taken back goes, unless the check refuses", async (context) => {
  const { directories, store, publish } = await emptyStore(context);
  await publish("one");
  await publish("two", { name: "other" });
  const refusal = new Error("in use");
  await assert.rejects(
    store.unname("debian", () => {
      throw refusal;
    }),
    refusal,
  );
  assert.deepEqual(await store.names(), ["debian", "other"]);
  await store.unname("debian", () => {});
  await store.collect(nobody);
  assert.deepEqual(await store.names(), ["other"]);
  assert.equal((await readdir(join(directories.imagesDir, "bases"))).length, 1);
});

test("a publication that ends early is invisible, and collected", async (context) => {
  const { directories, store, publish } = await emptyStore(context);
  const whole = await publish("one");
  await assert.rejects(publish("two", { signal: AbortSignal.abort(new Error("enough")) }), /enough/);
  // What a crash leaves: a base without a manifest, a file half written, a manifest not yet in place.
  await writeFile(join(directories.imagesDir, "bases", `${"0".repeat(64)}.squashfs`), "unreferenced");
  await writeFile(join(store.files(whole).kernelDir, "vmlinux.partial"), "half");
  await writeFile(join(directories.imagesDir, "names/debian.json.0123456789ab.tmp"), "{}");
  await mkdir(join(directories.kernelsDir, "6.1.0-55-cloud-amd64-0123456789ab"));
  await store.collect(nobody);
  await store.verify(whole);
  assert.deepEqual((await readdir(join(directories.imagesDir, "bases"))).length, 1);
  assert.deepEqual(await readdir(join(directories.imagesDir, "names")), ["debian.json"]);
  assert.deepEqual((await readdir(store.files(whole).kernelDir)).toSorted(), ["bzImage", "modules.cpio", "modules.squashfs", "vmlinux"]);
  assert.equal((await readdir(directories.kernelsDir)).length, 1);
});

test("while a manifest cannot be read nothing of the images is removed", async (context) => {
  const { directories, store, publish } = await emptyStore(context);
  const [old, present] = [await publish("one"), await publish("two")];
  await writeFile(join(directories.imagesDir, "manifests", `${old.base.sha256}.json`), "torn");
  await store.collect((digest) => (digest === digestOf(old) ? ["vm"] : []));
  assert.equal((await readdir(join(directories.imagesDir, "bases"))).length, 2);
  await store.verify(present);
});
