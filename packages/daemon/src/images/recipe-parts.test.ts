import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { test, type TestContext } from "node:test";
import { extract } from "tar-stream";
import { CATALOG, imageNotFound } from "./catalog.ts";
import { mmdebstrapCommand, squashfsCommand } from "./recipe-command.ts";
import { writeOverlay } from "./recipe-overlay.ts";
import { checkBuilder } from "./recipe-preflight.ts";
import { loadRecipe, recipeSchema, type Recipe } from "./recipe-schema.ts";

const never = new AbortController().signal;
const RECIPES = join(import.meta.dirname, "../../../../images");

const recipe: Recipe = {
  recipeVersion: 1,
  name: "tiny",
  description: "",
  arch: "amd64",
  suite: "bookworm",
  variant: "minbase",
  components: ["main"],
  sourceDateEpoch: 1_735_689_600,
  packages: ["kmod", "g++"],
  pathExcludes: ["/usr/share/man/*"],
  pathIncludes: [],
  npm: [
    { package: "@scope/tool", version: "1.2.3", integrity: "sha512-x", from: "package/bin/tool", to: "/usr/local/bin/tool", mode: "0755" },
  ],
  kernel: { package: "linux-image-cloud-amd64", script: "kernel.sh" },
  customize: ["customize.sh"],
  squashfs: { compression: "zstd", level: 3, blockSizeKib: 128 },
  modulesSquashfs: { compression: "zstd", level: 9, blockSizeKib: 128 },
  estimates: { packages: 1, downloadMib: 1, tarMib: 1, imageMib: 1, scratchMib: 1, seconds: 1 },
};

async function directory(context: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "banger-recipe-"));
  context.after(() => rm(dir, { recursive: true }));
  return dir;
}

test("every recipe of the catalog can be read", async () => {
  for (const { name, source } of CATALOG) {
    if (source.kind === "recipe") assert.equal((await loadRecipe(join(RECIPES, source.folder))).recipe.name, name);
  }
});

test("names that would be read by a shell or leave the image are refused", () => {
  const hostile = [
    { ...recipe, packages: ["kmod;id"] },
    { ...recipe, kernel: { ...recipe.kernel, package: "$(id)" } },
    { ...recipe, customize: ["../customize.sh"] },
    { ...recipe, suite: "-x" },
    { ...recipe, npm: [{ ...recipe.npm[0], to: "/usr/../../etc/passwd" }] },
    { ...recipe, npm: [{ ...recipe.npm[0], package: "../tool" }] },
    { ...recipe, surprise: true },
  ];
  for (const one of hostile) assert.equal(recipeSchema.safeParse(one).success, false);
  assert.deepEqual(recipeSchema.parse(recipe), recipe);
});

test("the command lines follow the recipe; the host's files come in only where there are any", () => {
  const argv = mmdebstrapCommand(recipe, { sources: false, aptOptions: false });
  assert.deepEqual(argv.slice(0, 9), [
    "mmdebstrap",
    "--verbose",
    "--mode=unshare",
    "--variant=minbase",
    "--format=tar",
    "--architectures=amd64",
    "--components=main",
    "--include=kmod,g++",
    "--dpkgopt=path-exclude=/usr/share/man/*",
  ]);
  assert.deepEqual(argv.slice(-3), ['--customize-hook=rm -rf "$1/.banger"', "bookworm", "root.tar"]);
  assert.ok(!argv.some((argument) => /trusted|unauthenticated/i.test(argument)));
  const behindProxy = mmdebstrapCommand(recipe, { sources: true, aptOptions: true });
  assert.deepEqual(behindProxy.slice(-3), ["bookworm", "root.tar", "host.list"]);
  assert.ok(behindProxy.includes("--aptopt=host-apt.conf"));
  assert.deepEqual(squashfsCommand(recipe.squashfs, "out"), [
    "tar2sqfs",
    "--quiet",
    "--compressor=zstd",
    "--comp-extra=level=3",
    "--block-size=131072",
    "out",
  ]);
  assert.deepEqual(squashfsCommand({ compression: "lz4", blockSizeKib: 64 }, "out"), [
    "tar2sqfs",
    "--quiet",
    "--compressor=lz4",
    "--block-size=65536",
    "out",
  ]);
});

test("the overlay holds files, npm members and scripts, root's, sorted, at the recipe's time", async (context) => {
  const dir = await directory(context);
  await mkdir(join(dir, "files/etc/profile.d"), { recursive: true });
  await mkdir(join(dir, "npm/@scope/tool/bin"), { recursive: true });
  await writeFile(join(dir, "files/etc/profile.d/x.sh"), "x");
  await writeFile(join(dir, "files/etc/run"), "run", { mode: 0o700 });
  for (const script of ["kernel.sh", "customize.sh"]) await writeFile(join(dir, script), script);
  await writeFile(join(dir, "npm/@scope/tool/package.json"), JSON.stringify({ version: "1.2.3" }));
  await writeFile(join(dir, "npm/@scope/tool/bin/tool"), "tool");
  await writeOverlay(join(dir, "overlay.tar"), { dir, recipe }, { npmDir: join(dir, "npm"), signal: never });

  const members: unknown[] = [];
  const reader = Readable.from([await readFile(join(dir, "overlay.tar"))]).pipe(extract());
  for await (const entry of reader) {
    const { name, mode, uid, gid, type, mtime } = entry.header;
    members.push([name, mode, uid, gid, type, mtime?.getTime()]);
    entry.resume();
  }
  const file = (name: string, mode: number) => [name, mode, 0, 0, "file", recipe.sourceDateEpoch * 1000];
  assert.deepEqual(members, [
    file(".banger/customize.sh", 0o755),
    file(".banger/kernel.sh", 0o755),
    file("etc/profile.d/x.sh", 0o644),
    file("etc/run", 0o755),
    file("usr/local/bin/tool", 0o755),
  ]);
});

test("a package of another version than the recipe's, or none, is named", async (context) => {
  const dir = await directory(context);
  const write = () => writeOverlay(join(dir, "overlay.tar"), { dir, recipe }, { npmDir: dir, signal: never });
  await assert.rejects(write(), { code: "internal", message: /needs @scope\/tool 1\.2\.3, banger's installation has none/ });
  await mkdir(join(dir, "@scope/tool"), { recursive: true });
  await writeFile(join(dir, "@scope/tool/package.json"), JSON.stringify({ version: "1.2.4" }));
  await assert.rejects(write(), { message: /has 1\.2\.4/ });
});

test("a host without the programs, or without room, is told before anything is built", async (context) => {
  const dir = await directory(context);
  const host = { runAs: null, scratchRoot: dir, env: { PATH: dir } };
  await assert.rejects(checkBuilder(host, 1, never), {
    code: "host.command_missing",
    hint: /^sudo apt install mmdebstrap uidmap squashfs-tools-ng util-linux/,
  });
  for (const program of ["mmdebstrap", "newuidmap", "newgidmap", "tar2sqfs", "setpriv"])
    await writeFile(join(dir, program), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
  await assert.rejects(checkBuilder(host, 2 ** 60, never), { code: "host.disk_full", message: new RegExp(dir) });
});

test("a user without subordinate ids is told what to type", async (context) => {
  const dir = await directory(context);
  for (const program of ["newuidmap", "newgidmap", "tar2sqfs", "setpriv"])
    await writeFile(join(dir, program), "#!/bin/sh\n", { mode: 0o755 });
  await writeFile(join(dir, "mmdebstrap"), "#!/bin/sh\necho 'W: no entry in /etc/subuid for dev' >&2\nexit 1\n", { mode: 0o755 });
  const host = { runAs: null, scratchRoot: dir, env: { PATH: `${dir}:/usr/bin:/bin` } };
  await assert.rejects(checkBuilder(host, 1, never), {
    code: "host.unsupported",
    message: /no subordinate ids for dev/,
    hint: /usermod --add-subuids .* dev$/,
  });
});

test("an unknown image's error names the nearest, or all", () => {
  const known = ["debian-bookworm", "alpine"];
  assert.equal(imageNotFound("debian-bokworm", known).hint, "did you mean debian-bookworm?");
  assert.equal(imageNotFound("windows", known).hint, "known images: debian-bookworm, alpine");
});
