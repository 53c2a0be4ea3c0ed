// A clone that has not got everything: refused while nothing is made yet, with the command that gets the rest.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { renameSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { BangerError } from "@banger/api";
import { HostRepository, runGit, TEST_ENV } from "./testing/host-repository.ts";

/** Three commits, cloned with `flags` into the place of the repository. */
function cloned(...flags: string[]): HostRepository {
  const host = new HostRepository();
  for (const content of ["one\n", "two\n", "three\n"]) {
    host.write("a", content);
    host.commit();
  }
  for (const key of ["uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"]) host.run("config", key, "true");
  const origin = join(host.directory, "origin");
  renameSync(host.top, origin);
  runGit(host.directory, ["clone", "--quiet", ...flags, `file://${origin}`, host.top]);
  host.run("config", "gc.auto", "0");
  host.run("config", "maintenance.auto", "false");
  return host;
}

const refused = (top: string) => (error: unknown) => {
  assert.ok(error instanceof BangerError);
  assert.equal(error.code, "workspace.unsupported");
  assert.match(error.message, / is a partial clone: some of the history that a guest gets is only at origin$/);
  assert.equal(error.hint, `git -C ${top} fetch --refetch --no-filter origin`);
  return true;
};

test("a clone without old contents is refused; what is said to be typed helps", async () => {
  using host = cloned("--filter=blob:none");
  await assert.rejects(host.plan(), refused(host.top));
  await assert.rejects(host.plan({ mode: "full", branch: "new", from: "HEAD~1" }), refused(host.top));
  execFileSync("git", ["-C", host.top, "fetch", "--quiet", "--refetch", "--no-filter", "origin"], { env: TEST_ENV, stdio: "pipe" });
  await host.copy(await host.plan());
  assert.equal(host.guestGit("show", "HEAD~2:a"), "one\n");
});

test("one with a filter that has left out nothing is taken", async () => {
  using host = cloned("--filter=blob:limit=1m");
  await host.copy(await host.plan());
  assert.equal(host.guestGit("log", "--format=%s").trim().split("\n").length, 3);
});
