// Commits that no file of the work tree shows are told by name, whatever form the refs are in; those that others have are not.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { appendFileSync, mkdirSync, mkdtempDisposableSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { BangerError } from "@banger/api";
import fc from "fast-check";
import { takeRefs } from "./take-changes.ts";
import { directoryGuest } from "./test-guest.ts";

interface Scene extends Disposable {
  readonly git: (...args: string[]) => string;
  readonly commit: (message: string) => string;
  readonly repo: string;
  /** The commit that was sent. */
  readonly sent: string;
  readonly lonely: (...known: string[]) => Promise<readonly string[]>;
}

function open(): Scene {
  const scratch = mkdtempDisposableSync(join(tmpdir(), "banger-refs-"));
  const repo = join(scratch.path, "repo");
  mkdirSync(repo);
  const env = { PATH: process.env["PATH"], HOME: scratch.path, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" };
  const git = (...args: string[]) =>
    execFileSync("git", ["-C", repo, "-c", "user.name=A", "-c", "user.email=a@b.invalid", ...args], {
      env,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  const commit = (message: string) => {
    appendFileSync(join(repo, "f"), `${message}\n`);
    git("add", "f");
    git("commit", "--quiet", `--message=${message}`);
    return git("rev-parse", "HEAD");
  };
  git("init", "--quiet", "--initial-branch=main");
  const sent = commit("sent");
  const signal = new AbortController().signal;
  return {
    git,
    commit,
    repo,
    sent,
    lonely: (...known) => takeRefs({ guest: directoryGuest(scratch.path), guestPath: "/repo", signal }, [sent, ...known]),
    [Symbol.dispose]: () => scratch.remove(),
  };
}

test("a branch with commits that is not checked out, and a stash; not what is checked out", async () => {
  using scene = open();
  assert.deepEqual(await scene.lonely(), []);
  scene.git("switch", "--quiet", "--create", "wip/é");
  assert.deepEqual(await scene.lonely(), []);
  scene.commit("mine");
  assert.deepEqual(await scene.lonely(), []);
  scene.git("switch", "--quiet", "main");
  assert.deepEqual(await scene.lonely(), ["refs/heads/wip/é"]);
  appendFileSync(join(scene.repo, "f"), "stashed\n");
  scene.git("stash");
  assert.deepEqual(await scene.lonely(), ["refs/heads/wip/é", "refs/stash"]);
  scene.git("pack-refs", "--all");
  assert.deepEqual(await scene.lonely(), ["refs/heads/wip/é", "refs/stash"]);
  scene.git("switch", "--quiet", "--detach", "wip/é");
  assert.deepEqual(await scene.lonely(), ["refs/stash"]);
});

test("what a remote has, what was sent before, and what stands for another branch is elsewhere", async () => {
  using scene = open();
  scene.git("switch", "--quiet", "--create", "wip");
  const mine = scene.commit("mine");
  scene.git("switch", "--quiet", "main");
  scene.git("symbolic-ref", "refs/heads/same", "refs/heads/main");
  assert.deepEqual(await scene.lonely(mine), []);
  scene.git("update-ref", "refs/remotes/origin/wip", mine);
  assert.deepEqual(await scene.lonely(), []);
  scene.git("pack-refs", "--all");
  assert.deepEqual(await scene.lonely(), []);
  const passedOver = scene.commit("more");
  scene.git("update-ref", "refs/banger/before-prepare/1", passedOver);
  scene.git("reset", "--quiet", "--hard", "HEAD~1");
  assert.deepEqual(await scene.lonely(), ["refs/banger/before-prepare/1"]);
});

test("a ref that cannot be read may hold anything; without a repository there is none", async () => {
  using scene = open();
  writeFileSync(join(scene.repo, ".git/refs/heads/torn"), "");
  writeFileSync(join(scene.repo, ".git/refs/heads/main.lock"), "");
  assert.deepEqual(await scene.lonely(), ["refs/heads/torn"]);
  writeFileSync(join(scene.repo, ".git/refs/heads/torn"), Buffer.alloc(5000));
  await assert.rejects(scene.lonely(), { code: "workspace.unsafe" });
  rmSync(join(scene.repo, ".git"), { recursive: true });
  assert.deepEqual(await scene.lonely(), []);
});

test("refs in a form that is not read are refused", async () => {
  using scene = open();
  rmSync(join(scene.repo, ".git/refs"), { recursive: true });
  mkdirSync(join(scene.repo, ".git/refs"));
  writeFileSync(join(scene.repo, ".git/refs/heads"), "this repository uses the reftable format\n");
  writeFileSync(join(scene.repo, ".git/HEAD"), "ref: refs/heads/.invalid\n");
  await assert.rejects(scene.lonely(), { code: "workspace.unsupported" });
});

test("property: whatever is in them, the end is a refusal or names", async () => {
  const text = fc.oneof(fc.constantFrom("ref: refs/heads/x\n", `${"a".repeat(40)}\n`, `${"b".repeat(40)} refs/heads/p\n`), fc.string());
  using scene = open();
  await fc.assert(
    fc.asyncProperty(text, text, text, async (head, packed, loose) => {
      writeFileSync(join(scene.repo, ".git/HEAD"), head);
      writeFileSync(join(scene.repo, ".git/packed-refs"), packed);
      writeFileSync(join(scene.repo, ".git/refs/heads/x"), loose);
      try {
        for (const name of await scene.lonely()) assert.match(name, /^"?refs\//);
      } catch (error) {
        assert.ok(error instanceof BangerError, String(error));
      }
    }),
    { numRuns: 60 },
  );
});
