import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempDisposableSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { makeDirectory, makeStateDirectory } from "./own-directories.ts";

const modeOf = (path: string) => statSync(path).mode & 0o777;

test("every level that was missing has the mode, whatever the umask; one that was there keeps its own", () => {
  using scratch = mkdtempDisposableSync(join(tmpdir(), "banger-own-"));
  const there = join(scratch.path, "there");
  mkdirSync(there);
  chmodSync(there, 0o750);
  const umask = process.umask(0o077);
  makeDirectory(join(there, "a/b"), 0o711);
  process.umask(umask);
  assert.deepEqual([there, join(there, "a"), join(there, "a/b")].map(modeOf), [0o750, 0o711, 0o711]);
  makeDirectory(join(there, "a/b"), 0o700);
  assert.equal(modeOf(join(there, "a/b")), 0o711);
});

test("what cannot be made is an error, not a wait without end", () => {
  using scratch = mkdtempDisposableSync(join(tmpdir(), "banger-own-"));
  assert.throws(() => makeDirectory("/proc/nope/state", 0o700), { code: /^(ENOENT|EACCES)$/ });
  symlinkSync("nowhere", join(scratch.path, "link"));
  assert.throws(() => makeDirectory(join(scratch.path, "link/state"), 0o700), { code: "ENOENT" });
});

test("root's BANGER_HOME lets the user who runs VMs through, its state directory nobody", () => {
  using scratch = mkdtempDisposableSync(join(tmpdir(), "banger-own-"));
  const modes = (isRoot: boolean) => {
    const home = join(scratch.path, isRoot ? "root" : "dev");
    const stateDir = join(home, "state");
    makeStateDirectory({ home, stateDir }, isRoot);
    return [home, stateDir].map(modeOf);
  };
  assert.deepEqual(modes(true), [0o711, 0o700]);
  assert.deepEqual(modes(false), [0o700, 0o700]);
});
