import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { commitOf, revisionText } from "./revision.ts";

test("the commit that is checked out, and whether the source differs from it", async (t) => {
  const root = await mkdtemp(join(tmpdir(), "bench-revision-"));
  t.after(() => rm(root, { recursive: true }));
  const git = (...args: readonly string[]) =>
    execFileSync("git", ["-C", root, "-c", "user.name=Bench", "-c", "user.email=bench@example.invalid", ...args]).toString();
  git("init", "--quiet");
  assert.deepEqual(await commitOf(root), { commit: null, isDirty: false });

  await writeFile(join(root, "a"), "1");
  git("add", "a");
  git("commit", "--quiet", "--message=a");
  const commit = git("rev-parse", "HEAD").trim();
  await mkdir(join(root, "bench/results"), { recursive: true });
  await writeFile(join(root, "bench/results/today.json"), "{}");
  assert.deepEqual(await commitOf(root), { commit, isDirty: false });

  await writeFile(join(root, "a"), "2");
  assert.deepEqual(await commitOf(root), { commit, isDirty: true });
});

test("as people read it", () => {
  assert.equal(revisionText({ version: "0.1.0", commit: "0123456789abcdef", isDirty: true }), "0.1.0, 01234567 with changes");
  assert.equal(revisionText({ version: "0.1.0", commit: null, isDirty: false }), "0.1.0");
});
