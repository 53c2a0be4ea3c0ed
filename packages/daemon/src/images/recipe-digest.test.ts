import assert from "node:assert/strict";
import { chmod, cp, mkdtemp, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { presentRecipeDigest, isOutdated, recipeDigest } from "./recipe-digest.ts";
import { loadRecipe, type Recipe } from "./recipe-schema.ts";
import { Images } from "./service.ts";
import { ImageStore } from "./store.ts";

const BOOKWORM = join(import.meta.dirname, "../../../../images/debian-bookworm");
const { recipe } = await loadRecipe(BOOKWORM);
const file = (name: string, { mode = 0o644, sha256 = "aa" } = {}) => ({ name, mode, sha256 });

test("the digest follows everything that the result depends on", () => {
  const files = [file("etc/a"), file(".banger/customize.sh", { mode: 0o755 })];
  const changedRecipes: readonly Recipe[] = [
    { ...recipe, suite: "trixie" },
    { ...recipe, variant: "essential" },
    { ...recipe, components: [...recipe.components, "contrib"] },
    { ...recipe, packages: recipe.packages.slice(1) },
    { ...recipe, pathExcludes: [] },
    { ...recipe, pathIncludes: ["/usr/share/man/*"] },
    { ...recipe, sourceDateEpoch: recipe.sourceDateEpoch + 1 },
    { ...recipe, customize: [] },
    { ...recipe, kernel: { ...recipe.kernel, package: "linux-image-amd64" } },
    { ...recipe, squashfs: { compression: "zstd", level: 3, blockSizeKib: 128 } },
    { ...recipe, modulesSquashfs: { compression: "lz4", blockSizeKib: 128 } },
    { ...recipe, npm: recipe.npm.map((member) => ({ ...member, integrity: "sha512-other" })) },
    { ...recipe, npm: recipe.npm.map((member) => ({ ...member, mode: "0700" })) },
  ];
  const changedFiles = [
    [file("etc/b"), ...files.slice(1)],
    [file("etc/a", { mode: 0o755 }), ...files.slice(1)],
    [file("etc/a", { sha256: "bb" }), ...files.slice(1)],
    files.slice(1),
    [...files, file("etc/c")],
  ];
  const digests = [
    recipeDigest(recipe, files),
    ...changedRecipes.map((changed) => recipeDigest(changed, files)),
    ...changedFiles.map((changed) => recipeDigest(recipe, changed)),
  ];
  assert.equal(new Set(digests).size, digests.length);
});

test("texts, estimates and the order of files change nothing", () => {
  const files = [file("etc/a"), file("etc/b")];
  const worded = { ...recipe, name: "other", description: "other words", estimates: { ...recipe.estimates, seconds: 1 } };
  assert.equal(recipeDigest(worded, files.toReversed()), recipeDigest(recipe, files));
});

test("an image without a digest is outdated; none is while the recipe cannot be read", () => {
  const answers = [isOutdated("a", "a"), isOutdated("a", "b"), isOutdated(undefined, "b"), isOutdated("a", undefined)];
  assert.deepEqual(answers, [false, true, true, false]);
});

async function copiedRecipe(context: TestContext): Promise<{ readonly dir: string; readonly folder: string }> {
  const dir = await mkdtemp(join(tmpdir(), "banger-digest-"));
  context.after(() => rm(dir, { recursive: true }));
  const folder = join(dir, "recipes/tiny");
  await cp(BOOKWORM, folder, { recursive: true });
  return { dir, folder };
}

test("a folder's digest follows its files' content and execute bits, not their times", async (context) => {
  const { dir, folder } = await copiedRecipe(context);
  const first = await presentRecipeDigest(folder);
  assert.match(first ?? "", /^[0-9a-f]{64}$/);
  const generator = join(folder, "files/etc/systemd/system-generators/banger");
  await utimes(generator, 1, 1);
  await chmod(generator, 0o700);
  assert.equal(await presentRecipeDigest(folder), first);
  await chmod(generator, 0o644);
  const plain = await presentRecipeDigest(folder);
  await writeFile(join(folder, "customize.sh"), "exit\n");
  const other = await presentRecipeDigest(folder);
  assert.equal(new Set([first, plain, other]).size, 3);
  await rm(join(folder, "customize.sh"));
  assert.deepEqual([await presentRecipeDigest(folder), await presentRecipeDigest(join(dir, "none"))], [undefined, undefined]);
});

test("an image tells that its recipe has changed, stays usable and is what a pull answers until then", async (context) => {
  const { dir, folder } = await copiedRecipe(context);
  const directories = { imagesDir: join(dir, "images"), kernelsDir: join(dir, "kernels") };
  await writeFile(join(dir, "agent"), "agent");
  await writeFile(join(dir, "root.squashfs"), "root");
  const publish = async (recipeDigestOfIt: string | undefined) => {
    const kernel = { release: "6.1.0", bzImage: Buffer.from("bz"), vmlinux: Buffer.from("elf"), bootModules: Buffer.from("cpio") };
    const [basePath, modulesSquashfs] = [join(dir, "root.squashfs"), join(dir, "root.squashfs")];
    const said = { name: "tiny", arch: "amd64", origin: "recipe:tiny", createdAt: "2026-01-01T00:00:00.000Z", format: "squashfs" as const };
    const digest = recipeDigestOfIt === undefined ? {} : { recipeDigest: recipeDigestOfIt };
    await new ImageStore(directories).publish(
      { ...said, ...digest, env: [], basePath, modulesSquashfs, kernel },
      new AbortController().signal,
    );
  };
  const images = new Images({
    ...directories,
    ...{ recipesDir: join(dir, "recipes"), logDir: dir, npmDir: dir, aptDir: dir, agentPath: join(dir, "agent") },
    catalog: [{ name: "tiny", arch: "amd64", source: { kind: "recipe", folder: "tiny" } }],
    host: { runAs: null, env: {}, scratchRoot: dir },
    now: () => new Date(0),
    monotonicMs: () => 0,
    log: () => {},
  });
  const outdated = async () => (await images.show("tiny")).outdated;
  assert.equal(await outdated(), false);
  await publish(undefined);
  assert.equal(await outdated(), true);
  await publish(await presentRecipeDigest(folder));
  assert.equal(await outdated(), false);
  const ready = await images.pull("tiny", { signal: new AbortController().signal, progress: () => assert.fail("nothing is built") });
  const script = join(folder, "customize.sh");
  await writeFile(script, `${await readFile(script, "utf8")}\n# more\n`);
  assert.deepEqual([await outdated(), (await images.list())[0]?.outdated, await images.find("tiny")], [true, true, ready]);
});
