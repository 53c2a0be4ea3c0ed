// What is asked of the guest for the tools of a workspace, and what is told of it.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Vm } from "@banger/api";
import type { Script } from "../testing/fake-daemon.ts";
import { fakeExec } from "../testing/fake-guest.ts";
import { fakeVm } from "../testing/fixtures.ts";
import { openScene } from "../testing/run-cli.ts";

/** A scene with a repository that names a tool; each command in the guest ends with `status`. */
async function scene(status: number, vm: Partial<Vm> = {}) {
  const asked: (readonly string[])[] = [];
  const workspace = { guestPath: "/root/repo", source: "/repo", tree: "0".repeat(40), head: null, branch: "main" };
  const script: Script = {
    vmCreate: () => fakeVm(vm),
    vmShow: () => fakeVm(vm),
    vmList: () => [],
    keptList: () => [],
    vmFilesPut: () => ({ files: 1, bytes: 1 }),
    workspacePut: () => ({ ...workspace, copiedAt: "2026-01-01T00:00:00.000Z", files: 1, kept: null }),
    vmExec: ({ body }) => {
      asked.push(body.argv);
      return { id: "e1" };
    },
    execAttach: fakeExec((guest) => {
      guest.err("what mise says\n");
      return { status };
    }),
  };
  const opened = await openScene(script);
  const repository = join(opened.home, "my repo");
  mkdirSync(repository);
  writeFileSync(join(repository, "mise.toml"), "");
  const git = (...args: readonly string[]) =>
    execFileSync("git", ["-C", repository, "-c", "user.name=T", "-c", "user.email=t@example.invalid", ...args]);
  git("init", "--quiet", "--initial-branch=main");
  git("add", "--all");
  git("commit", "--quiet", "--message=one");
  return Object.assign(opened, { asked, repository });
}

test("detached: in the foreground, its output on stderr, the name alone on stdout", async () => {
  await using open = await scene(0);
  const said = await open.cli(["vm", "run", open.repository, "-d"]);
  assert.equal(said.status, 0, said.stderr);
  assert.equal(said.stdout, "sandbox\n");
  assert.match(said.stderr, /installing the tools of mise\.toml\nwhat mise says\n/);
  const [argv] = open.asked;
  assert.deepEqual(argv?.slice(0, 2), ["sh", "-c"]);
  assert.deepEqual(argv?.slice(4, 6), ["/root/repo", "/root/.cache/banger/vm-run-tooling-my_repo.log"]);
});

test("what fails is told and fails nothing", async () => {
  await using open = await scene(1);
  const said = await open.cli(["vm", "run", open.repository, "-d"]);
  assert.equal(said.status, 0);
  assert.match(said.stderr, /! not all tools of mise\.toml are there\. {2}look: banger vm logs sandbox --tooling/);
});

test("a command runs at once, with --bootstrap after the tools", async () => {
  await using open = await scene(0);
  await open.cli(["vm", "run", open.repository, "--", "make"]);
  assert.deepEqual(open.asked, [["make"]]);
  assert.ok(!JSON.stringify(open.daemon?.bodies).includes("needsNetwork"));
  await using asking = await scene(0);
  await asking.cli(["vm", "run", asking.repository, "--bootstrap", "--", "make"]);
  assert.equal(asking.asked.length, 2);
  assert.deepEqual(asking.asked[1], ["make"]);
  assert.ok(JSON.stringify(asking.daemon?.bodies).includes('"needsNetwork":true'));
});

test("without a network nothing is tried, and that is told; with --no-bootstrap nothing is said", async () => {
  await using open = await scene(0, { noNetwork: { reason: "no tun", fix: "x" } });
  const said = await open.cli(["vm", "run", open.repository, "-d"]);
  assert.match(said.stderr, /! sandbox gets no tools of mise\.toml: it has no network: no tun/);
  assert.deepEqual(open.asked, []);
  const silent = await open.cli(["vm", "run", open.repository, "-d", "--no-bootstrap"]);
  assert.doesNotMatch(silent.stderr, /tools/);
});

test("the log of the tools; that there is none is told", async () => {
  await using open = await scene(0);
  assert.equal((await open.cli(["vm", "logs", "sandbox", "--tooling"])).status, 0);
  await using none = await scene(66);
  const said = await none.cli(["vm", "logs", "sandbox", "--tooling"]);
  assert.equal(said.status, 1);
  assert.match(said.stderr, /error: no tools were installed in sandbox\n {2}try: banger vm run PATH/);
});
