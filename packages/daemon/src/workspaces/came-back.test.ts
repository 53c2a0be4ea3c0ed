// What was kept of a guest is forgotten only for a list of files that has all of it.
import assert from "node:assert/strict";
import { chmodSync, createReadStream, mkdirSync, mkdtempDisposableSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { nameOfText } from "@banger/api";
import type { Manifest } from "@banger/api/guest-manifest";
import { hasComeBack } from "./came-back.ts";
import { TAKE_BOUNDS, takeChanges } from "./take-changes.ts";
import { directoryGuest, manifestOf } from "./test-guest.ts";

test("all of it, and every way in which it is not all", async () => {
  using scratch = mkdtempDisposableSync(join(tmpdir(), "banger-back-"));
  const repo = join(scratch.path, "repo");
  mkdirSync(repo);
  for (const name of ["same", "edited", "run", "gone"]) writeFileSync(join(repo, name), `${name}\n`);
  const before = manifestOf(repo, ["same", "edited", "run", "gone"]);
  writeFileSync(join(repo, "edited"), "by the guest\n");
  chmodSync(join(repo, "run"), 0o755);
  symlinkSync("same", join(repo, "link"));
  rmSync(join(repo, "gone"));
  const file = join(scratch.path, "changes.tar");
  const signal = new AbortController().signal;
  await takeChanges({ guest: directoryGuest(scratch.path), guestPath: "/repo", manifest: before, file, bounds: TAKE_BOUNDS, signal });
  const after = manifestOf(repo, ["same", "edited", "run", "link"]);
  const asks = (manifest: Manifest) => hasComeBack(manifest, { before, tar: createReadStream(file) });
  assert.equal(await asks(after), true);
  assert.equal(await asks(before), false);
  for (const [name, old] of [...after.keys(), nameOfText("gone")].map((each) => [each, before.get(each)] as const)) {
    const partly = new Map(after);
    if (old === undefined || name === "same") partly.delete(name);
    else partly.set(name, old);
    assert.equal(await asks(partly), false, name);
  }
  assert.equal(await hasComeBack(before, { before, tar: undefined }), true);
  assert.equal(await hasComeBack(after, { before, tar: undefined }), false);
});
