// The host's git identity goes to new VMs; whatever is wrong with git keeps no VM from being made.
import assert from "node:assert/strict";
import * as childProcess from "node:child_process";
import { mkdirSync, mkdtempDisposableSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fakeVm } from "../testing/fixtures.ts";
import { openScene } from "../testing/run-cli.ts";
import { gitIdentity, parseIdentity } from "./git-identity.ts";

test("the last value of each key counts; a name without an email is no identity", () => {
  assert.deepEqual(parseIdentity('user.name\nA\0user.email\na@b\0user.name\nAda "L" = x\0'), { name: 'Ada "L" = x', email: "a@b" });
  assert.equal(parseIdentity("user.name\nA\0"), undefined);
  assert.equal(parseIdentity("user.name\0user.email\na@b\0"), undefined);
  assert.equal(parseIdentity(""), undefined);
});

test("git is asked where the command is typed, and tolerated when it fails or is missing", async () => {
  using scratch = mkdtempDisposableSync(join(tmpdir(), "banger-git-"));
  const env = { PATH: process.env["PATH"] ?? "", GIT_CONFIG_NOSYSTEM: "1", HOME: scratch.path };
  const ask = (changes: object = {}) => gitIdentity({ childProcess, cwd: scratch.path, env, ...changes });
  assert.equal(await ask(), undefined);
  writeFileSync(join(scratch.path, ".gitconfig"), "[user]\n\tname = Ada\n\temail = ada@example.invalid\n");
  assert.deepEqual(await ask(), { name: "Ada", email: "ada@example.invalid" });
  const repository = join(scratch.path, "repository");
  mkdirSync(repository);
  childProcess.execFileSync("git", ["init", "-q", repository], { env });
  writeFileSync(join(repository, ".git/config"), "[user]\n\temail = ada@work.invalid\n");
  assert.deepEqual(await ask({ cwd: repository }), { name: "Ada", email: "ada@work.invalid" });
  writeFileSync(join(scratch.path, ".gitconfig"), "[user\n");
  assert.equal(await ask(), undefined);
  assert.equal(await ask({ env: { PATH: "/nonexistent" } }), undefined);
  assert.equal(await ask({ cwd: "/nonexistent" }), undefined);
});

test("run and create send it; what --json prints stays the VM", async () => {
  await using scene = await openScene({ vmCreate: () => fakeVm() });
  writeFileSync(join(scene.home, ".gitconfig"), "[user]\n\tname = Ada\n\temail = ada@example.invalid\n");
  const said = await scene.cli(["vm", "create", "--json"]);
  assert.deepEqual(JSON.parse(said.stdout), fakeVm());
  await scene.cli(["vm", "run", "--detach"]);
  const identities = (scene.daemon?.bodies ?? []).map((body) => (body as { readonly gitIdentity: unknown }).gitIdentity);
  assert.deepEqual(
    identities,
    Array.from({ length: 2 }, () => ({ name: "Ada", email: "ada@example.invalid" })),
  );
});
