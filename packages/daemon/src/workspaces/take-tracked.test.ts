// What git tracks in a guest is work, also where an ignore rule matches it.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempDisposableSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { TAKE_BOUNDS, takeChanges } from "./take-changes.ts";
import { directoryGuest, manifestOf } from "./test-guest.ts";

test("a file that was added in spite of a rule is taken, whatever the form of the index; what is ignored beside it is not", async (t) => {
  using scratch = mkdtempDisposableSync(join(tmpdir(), "banger-tracked-"));
  const repo = join(scratch.path, "repo");
  mkdirSync(join(repo, "build"), { recursive: true });
  writeFileSync(join(repo, ".gitignore"), "build/\n*.o\n");
  const manifest = manifestOf(repo, [".gitignore"]);
  for (const name of ["build/fixture", "build/waste", "staged.o", "waste.o"]) writeFileSync(join(repo, name), name);
  const env = { PATH: process.env["PATH"], GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" };
  const git = (...args: string[]) =>
    execFileSync("git", ["-C", repo, "-c", "user.name=A", "-c", "user.email=a@b.invalid", ...args], { env, stdio: "ignore" });
  git("init", "--quiet");
  git("add", "--force", "build/fixture");
  git("commit", "--quiet", "--message=one");
  git("add", "--force", "staged.o");
  const file = join(scratch.path, "changes.tar");
  const guest = directoryGuest(scratch.path);
  const signal = new AbortController().signal;
  const taken = async () => {
    guest.read.length = 0;
    const { files } = await takeChanges({ guest, guestPath: "/repo", manifest, file, bounds: TAKE_BOUNDS, signal });
    assert.deepEqual([guest.read.includes("build/waste"), guest.read.includes("waste.o")], [false, false]);
    return files;
  };
  for (const form of [["--index-version", "2"], ["--index-version", "4"], ["--split-index"]]) {
    await t.test(form.join(" "), async () => {
      git("update-index", ...form);
      assert.equal(await taken(), 2);
      assert.equal(readFileSync(file, "latin1").split(`","tracked":true}`).length, 3);
      assert.deepEqual(guest.read.filter((name) => !name.startsWith(".git")).toSorted(), ["build/fixture", "staged.o"]);
    });
  }
  await t.test("an index that makes no sense, a link, none", async () => {
    git("update-index", "--no-split-index");
    truncateSync(join(repo, ".git/index"), 40);
    assert.equal(await taken(), 0);
    rmSync(join(repo, ".git/index"));
    assert.equal(await taken(), 0);
  });
});
