// The one recursive delete: what it refuses, and that nothing a hostile program leaves keeps it from its work.
import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { removeTree } from "./remove-tree.ts";

/** ROOT, and beside it `outside` with a file. */
async function world(context: TestContext) {
  const dir = await mkdtemp(join(tmpdir(), "banger-remove-"));
  context.after(() => rm(dir, { recursive: true, force: true }));
  const [root, outside] = [join(dir, "root"), join(dir, "outside")];
  await mkdir(root);
  await mkdir(outside);
  await writeFile(join(outside, "kept"), "");
  return { root, outside };
}

test("a tree below the root goes; what is not there is no failure", async (context) => {
  const { root } = await world(context);
  await mkdir(join(root, "a/b"), { recursive: true });
  await writeFile(join(root, "a/b/file"), "");
  await removeTree(join(root, "a"), root);
  await removeTree(join(root, "a"), root);
  await removeTree(join(root, "never/was"), root);
  assert.deepEqual(await readdir(root), []);
});

test("whatever is not below the root is refused", async (context) => {
  const { root, outside } = await world(context);
  for (const path of [root, `${root}/`, join(root, "."), outside, `${root}/../outside`, `${root}/a/../../outside`, `${root}-2`, "/", "a"]) {
    await assert.rejects(removeTree(path, root), /refusing to remove/, path);
  }
  assert.deepEqual(await readdir(outside), ["kept"]);
});

test("a parent that is a symlink out of the root is refused; one that stays inside is not", async (context) => {
  const { root, outside } = await world(context);
  await symlink(outside, join(root, "out"));
  await assert.rejects(removeTree(join(root, "out/kept"), root), /refusing to remove .* its parent is/);
  assert.deepEqual(await readdir(outside), ["kept"]);
  await mkdir(join(root, "real/tree"), { recursive: true });
  await symlink(join(root, "real"), join(root, "in"));
  await removeTree(join(root, "in/tree"), root);
  assert.deepEqual(await readdir(join(root, "real")), []);
});

test("symlinks are removed, not what they lead to", async (context) => {
  const { root, outside } = await world(context);
  await mkdir(join(root, "tree"));
  await symlink(outside, join(root, "tree/link"));
  await symlink(join(outside, "kept"), join(root, "link"));
  await removeTree(join(root, "tree"), root);
  await removeTree(join(root, "link"), root);
  assert.deepEqual([await readdir(root), await readdir(outside)], [[], ["kept"]]);
});

test("a tree deeper than any path may be long goes too", async (context) => {
  const { root } = await world(context);
  const part = "d".repeat(200);
  // Two halves, each of a length that can be named, one moved below the other.
  const half = `${part}/`.repeat(15);
  await mkdir(join(root, "tree", half), { recursive: true });
  await mkdir(join(root, "more", half), { recursive: true });
  await renameBelow(join(root, "more"), join(root, "tree", half));
  await removeTree(join(root, "tree"), root);
  assert.deepEqual(await readdir(root), []);
});

test(
  "directories that were closed to their owner go too",
  { skip: process.getuid?.() === 0 ? "nothing is closed to root" : false },
  async (context) => {
    const { root } = await world(context);
    await mkdir(join(root, "tree/closed/inner"), { recursive: true });
    await writeFile(join(root, "tree/closed/inner/file"), "");
    for (const path of ["tree/closed/inner", "tree/closed", "tree"]) await chmod(join(root, path), 0);
    await removeTree(join(root, "tree"), root);
    assert.deepEqual(await readdir(root), []);
  },
);

/** Moves `from` into `directory`, also where the new path is too long to be named. */
async function renameBelow(from: string, directory: string): Promise<void> {
  const before = process.cwd();
  process.chdir(directory);
  try {
    await rename(from, "below");
  } finally {
    process.chdir(before);
  }
}
