// A pull into a repository that has become another one, or has got submodules, since the copy was made.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { HostRepository, runGit, snapshot } from "./testing/host-repository.ts";

async function copied(): Promise<HostRepository> {
  const host = new HostRepository();
  for (const name of ["text", "other"]) host.write(name, "line\n");
  host.commit("first");
  await host.copy(await host.plan());
  return host;
}

test("a pull that was cut off is not finished in another repository at the same place", async () => {
  using host = await copied();
  writeFileSync(join(host.guest, "text"), "guest\n");
  await host.beginPull();
  renameSync(host.top, `${host.top}-before`);
  runGit(host.directory, ["clone", "--quiet", `${host.top}-before`, host.top]);
  const before = snapshot(host.top);
  assert.equal(await host.finishPull(), "given_up");
  assert.deepEqual(snapshot(host.top), before);
  assert.equal(await host.finishPull(), undefined);
  await host.pullWorkTree();
  assert.equal(readFileSync(join(host.top, "text"), "utf8"), "guest\n");
});

test("submodules that the repository has by now are left alone", async () => {
  using host = await copied();
  runGit(host.directory, ["init", "--quiet", "library"]);
  runGit(join(host.directory, "library"), [
    "-c",
    "user.name=A",
    "-c",
    "user.email=a@b.invalid",
    "commit",
    "--quiet",
    "--allow-empty",
    "--message=one",
  ]);
  host.run("-c", "protocol.file.allow=always", "submodule", "add", "--quiet", join(host.directory, "library"), "library");
  host.commit("with a submodule");
  writeFileSync(join(host.guest, "text"), "guest\n");
  const { conflicts, left } = await host.pullWorkTree();
  assert.deepEqual([conflicts, left], [[], []]);
  assert.equal(host.run("status", "--porcelain"), " M text\n");
  assert.equal(host.run("diff", "--name-only", "HEAD", "refs/banger/before-pull/box^2"), "");
  writeFileSync(join(host.guest, "other"), "guest\n");
  assert.equal((await host.pullBranch())?.name, "banger/box");
  mkdirSync(join(host.guest, "library"));
  writeFileSync(join(host.guest, "library/planted"), "guest\n");
  await assert.rejects(host.pullWorkTree(), /library is a repository of its own here/);
});
