// Work outlives its VM: what `vm run PATH` tells the daemon, what is said and asked when the VM goes, and what can be done later.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempDisposableSync, readFileSync, writeFileSync, existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { test, type TestContext } from "node:test";
import { BangerError, type KeptVm, type Vm, type Workspace } from "@banger/api";
import { pack } from "tar-stream";
import type { Script } from "../../../testing/fake-daemon.ts";
import { fakeExec } from "../../../testing/fake-guest.ts";
import { fakeVm } from "../../../testing/fixtures.ts";
import { openScene, type Scene } from "../../../testing/run-cli.ts";

const ID = "0123456789abcdef";

/** A daemon with one VM, whose guest edits `a`, adds `b` and removes `c`. */
class World {
  readonly directory: string;
  readonly repository: string;
  vm: Vm | undefined;
  gone: KeptVm[] = [];
  registered: Workspace | undefined;
  listing = "";
  /** Why the daemon cannot delete the VM. */
  refusal: BangerError | undefined;
  changed = 3;

  constructor(t: TestContext) {
    const scratch = mkdtempDisposableSync(join(tmpdir(), "banger-kept-"));
    t.after(() => scratch.remove());
    this.directory = scratch.path;
    this.repository = join(scratch.path, "api");
    mkdirSync(this.repository);
    for (const name of ["a", "c"]) writeFileSync(join(this.repository, name), `${name}\n`);
    this.git("init", "--quiet", "--initial-branch=main");
    this.git("add", ".");
    this.git("commit", "--quiet", "--message=one");
  }

  git(...args: string[]): string {
    return execFileSync("git", ["-C", this.repository, "-c", "user.name=A", "-c", "user.email=a@b.invalid", ...args], { encoding: "utf8" });
  }

  get script(): Script {
    return {
      vmCreate: ({ body }) => (this.vm = fakeVm({ id: ID, name: "api", leased: body.lease === true })),
      vmShow: ({ params }) => {
        if (this.vm?.name === params.name) return { ...this.vm, workspaces: this.registered === undefined ? [] : [this.registered] };
        throw new BangerError("vm.not_found", `no VM is called ${params.name}`);
      },
      vmList: () => (this.vm === undefined ? [] : [{ ...this.vm, workspaces: this.registered === undefined ? [] : [this.registered] }]),
      vmWait: () => fakeVm({ id: ID, name: "api", readiness: ["agent", "basic", "ssh"] }),
      vmLease: ({ signal }) => new Promise((resolve) => signal.addEventListener("abort", () => resolve({}))),
      vmFilesPut: () => ({ files: 2, bytes: 4 }),
      vmExec: () => ({ id: "e1" }),
      execAttach: fakeExec(() => ({ status: 5 })),
      workspacePut: ({ query, upload }) => {
        this.listing = upload.toString("latin1");
        const { path, source, tree, head = null, branch = null } = query;
        const copiedAt = "2026-01-01T00:00:00.000Z";
        return (this.registered = { guestPath: path, source, tree, head, branch, copiedAt, files: 2, kept: null });
      },
      vmDelete: () => {
        if (this.refusal !== undefined) throw this.refusal;
        return { kept: this.leave() };
      },
      keptList: () => this.gone,
      keptChanges: async ({ write }) => write(await keptTar()),
      keptDelete: ({ params }) => {
        this.gone = this.gone.filter(({ id }) => id !== params.id);
        return {};
      },
    };
  }

  /** The VM goes; answers what is kept of it. */
  leave(): KeptVm | null {
    this.vm = undefined;
    if (this.changed === 0 || this.registered === undefined) return null;
    const workspace = { ...this.registered, kept: { at: "2026-01-01T00:02:00.000Z", files: this.changed, bytes: 9, isLatest: true } };
    const kept = { id: ID, name: "api", deletedAt: "2026-01-01T00:02:00.000Z", workspaces: [workspace] };
    this.gone = [kept, ...this.gone];
    return kept;
  }
}

/** As the daemon writes it. */
function keptTar(): Promise<Buffer> {
  const archive = pack();
  archive.entry({ name: "0", mode: 0o644 }, "edited\n");
  archive.entry({ name: "1", mode: 0o755 }, "new\n");
  const path64 = (name: string) => Buffer.from(name).toString("base64");
  const lines = [{ at: 0, path64: path64("a") }, { at: 1, path64: path64("b") }, { gone: true, path64: path64("c") }, { entries: 3 }];
  archive.entry({ name: "index" }, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  archive.finalize();
  return buffer(Readable.from(archive));
}

const REMARK = "3 changed files of api are kept.  see them: banger vm workspace diff api   take them: banger vm workspace pull api\n";
const run = (scene: Scene, world: World, ...flags: string[]) =>
  scene.cli(["vm", "run", world.repository, "--name", "api", ...flags, "--", "make"]);

test("the daemon is told what was sent, and --rm says what is kept of it", async (t) => {
  const world = new World(t);
  await using scene = await openScene(world.script);
  const said = await run(scene, world, "--rm");
  assert.equal(said.status, 5);
  assert.ok(said.stderr.endsWith(REMARK), said.stderr);
  const { guestPath, source, head, branch, tree } = world.registered ?? {};
  assert.deepEqual(
    { guestPath, source, head, branch },
    {
      guestPath: "/root/repo",
      source: world.repository,
      head: world.git("rev-parse", "HEAD").trim(),
      branch: "main",
    },
  );
  assert.equal(tree, world.git("rev-parse", "HEAD^{tree}").trim());
  assert.equal(world.listing, world.git("ls-tree", "-r", "-z", "HEAD"));
  const names = scene.daemon?.calls.map((call) => call.split(" ")[0]);
  assert.deepEqual(names?.slice(-2), ["execAttach", "vmDelete"]);
});

test("a copy that the daemon was not told of, and would not keep, is no workspace", async (t) => {
  const world = new World(t);
  const workspacePut = () => {
    throw new BangerError("internal", "it dies");
  };
  await using scene = await openScene({ ...world.script, workspacePut });
  assert.match((await run(scene, world)).stderr, /it dies/);
  assert.match((await scene.cli(["vm", "workspace", "diff", "api"])).stderr, /api has no workspace of yours/);
  assert.ok(!existsSync(join(scene.home, "state/workspaces/.by-name/api.json")));
});

test("nothing changed: nothing is said", async (t) => {
  const world = new World(t);
  world.changed = 0;
  await using scene = await openScene(world.script);
  assert.doesNotMatch((await run(scene, world, "--rm")).stderr, /are kept/);
});

test("a VM whose work cannot be had stays, and says so", async (t) => {
  const world = new World(t);
  world.refusal = new BangerError("workspace.not_kept", "what changed in api cannot be taken out, so it stays: it is not running", {
    hint: "banger vm start api, then delete it",
  });
  await using scene = await openScene(world.script);
  const said = await run(scene, world, "--rm");
  assert.equal(said.status, 5);
  assert.match(said.stderr, /error: what changed in api cannot be taken out, so it stays: it is not running\n  try: banger vm start api/);
});

test("the kept changes of a VM that is gone: listed, shown, exported, pulled, pruned", async (t) => {
  const world = new World(t);
  await using scene = await openScene(world.script);
  await run(scene, world, "--rm");
  const rows = JSON.parse((await scene.cli(["vm", "workspace", "list", "--json"])).stdout) as readonly { readonly status: string }[];
  assert.deepEqual(
    rows.map(({ status }) => status),
    ["gone"],
  );
  assert.match(
    (await scene.cli(["vm", "workspace", "list"])).stdout,
    /^NAME +STATUS .*\napi +gone +\/root\/repo +\S+\/api +3 +2m +0123456789abcdef\n$/,
  );
  const diff = await scene.cli(["vm", "workspace", "diff", "api", "--stat"]);
  assert.match(diff.stdout, /a \| 2 \+-[\s\S]*b \| 1 \+[\s\S]*c \| 1 -[\s\S]*3 files changed/);
  assert.equal((await scene.cli(["vm", "workspace", "diff", ID, "--stat"])).stdout, diff.stdout);
  const patch = join(world.directory, "p");
  const exported = await scene.cli(["vm", "workspace", "export", "api", "--output", patch]);
  assert.deepEqual([exported.status, exported.stdout], [0, ""]);
  assert.match(exported.stderr, /^3 files of api in \S+\/p, \d+ B\. {2}take them: git -C \S+\/api apply \S+\/p\n$/m);
  world.git("apply", patch);
  assert.deepEqual([readFileSync(join(world.repository, "a"), "utf8"), existsSync(join(world.repository, "c"))], ["edited\n", false]);
  world.git("checkout", "--quiet", ".");
  assert.equal((await scene.cli(["vm", "workspace", "pull", "api"], { env: gitIdentity })).status, 0);
  assert.equal(world.git("show", "banger/api:b"), "new\n");
  const store = join(scene.home, "state/workspaces", ID);
  assert.ok(existsSync(store));
  assert.equal((await scene.cli(["vm", "workspace", "prune", "api"])).status, 2);
  assert.deepEqual(await scene.cli(["vm", "workspace", "prune", "api", "--yes"]), { status: 0, stdout: "api pruned\n", stderr: "" });
  assert.ok(!existsSync(store));
  assert.match((await scene.cli(["vm", "workspace", "diff", "api"])).stderr, /no VM is called "api", and nothing is kept of one/);
  assert.match((await scene.cli(["vm", "workspace", "prune", "api", "--yes"])).stderr, /nothing is kept of a VM "api" that is gone/);
});

const gitIdentity = { GIT_AUTHOR_NAME: "A", GIT_AUTHOR_EMAIL: "a@b.invalid", GIT_COMMITTER_NAME: "A", GIT_COMMITTER_EMAIL: "a@b.invalid" };

test("one that is there has its name; one that is stopped gives what was kept, or the way to it", async (t) => {
  const world = new World(t);
  await using scene = await openScene(world.script);
  await run(scene, world);
  const kept = { at: "2026-01-01T00:02:00.000Z", files: 3, bytes: 9, isLatest: true };
  const registered = world.registered;
  assert.ok(registered !== undefined && world.vm !== undefined);
  world.vm = { ...world.vm, status: "stopped" };
  world.registered = { ...registered, kept: { ...kept, isLatest: false } };
  const stale = await scene.cli(["vm", "workspace", "diff", "api"]);
  assert.equal(stale.status, 1);
  assert.match(stale.stderr, /api is stopped, and nothing was taken out of it since it last ran\n  try: banger vm start api/);
  world.registered = { ...registered, kept };
  assert.match((await scene.cli(["vm", "workspace", "diff", "api"])).stdout, /\+edited/);
  world.registered = { ...registered, kept: { ...kept, files: 0 } };
  assert.equal((await scene.cli(["vm", "workspace", "diff", "api"])).stdout, "");
  world.registered = { ...registered, kept: { ...kept, lonelyRefs: ["refs/heads/wip", "refs/stash"] } };
  const lonely = /^! in api alone, with commits that are not checked out there: branch wip, the stash$/m;
  assert.match((await scene.cli(["vm", "workspace", "diff", "api"])).stderr, lonely);
  assert.match((await scene.cli(["vm", "workspace", "list"])).stderr, lonely);
});

test("vm delete says what it kept; --discard-changes is passed on", async (t) => {
  const world = new World(t);
  await using scene = await openScene(world.script);
  await run(scene, world);
  assert.deepEqual(await scene.cli(["vm", "delete", "api"]), { status: 0, stdout: "api deleted\n", stderr: REMARK });
  await scene.cli(["vm", "delete", "api", "--discard-changes"]);
  assert.equal(scene.daemon?.calls.at(-1), "vmDelete api discardChanges=true");
});

/** A shell in a VM for `--rm`, left at once, and what is typed when the question comes. */
async function afterSession(scene: Scene, world: World, answers: readonly string[]) {
  const bin = join(scene.home, "bin");
  mkdirSync(bin);
  writeFileSync(join(bin, "ssh"), "#!/bin/sh\nexit 0\n");
  chmodSync(join(bin, "ssh"), 0o755);
  const stdin = new PassThrough();
  const left = [...answers];
  let asked = 0;
  const onStderr = (soFar: string) => {
    const questions = soFar.split("[keep] ").length - 1;
    if (questions === asked) return;
    asked = questions;
    const answer = left.shift();
    if (answer === "^C") setImmediate(() => scene.signals.emit("SIGINT", "SIGINT"));
    else if (answer === "^D") stdin.end();
    else stdin.write(`${answer}\n`);
  };
  const env = { PATH: `${bin}:${scene.env["PATH"] ?? ""}`, ...gitIdentity };
  return await scene.cli(["vm", "run", world.repository, "--name", "api", "--rm"], {
    env,
    stdin,
    isTerminal: { stdin: true, stderr: true },
    onStderr,
  });
}

test("after a session it is asked what becomes of the work, and it is kept unless told otherwise", async (t) => {
  const cases: readonly (readonly [what: string, answers: readonly string[], isKept: boolean, said: RegExp])[] = [
    ["enter", [""], true, /3 changed files of api are kept/],
    ["keep", ["k"], true, /3 changed files of api are kept/],
    ["Ctrl-C", ["^C"], true, /3 changed files of api are kept/],
    ["the end of input", ["^D"], true, /3 changed files of api are kept/],
    ["nonsense, then discard", ["x", "discard"], false, /3 changed files of api thrown away/],
    ["pull", ["p"], true, /3 files of api on banger\/api/],
  ];
  for (const [what, answers, isKept, said] of cases) {
    await t.test(what, async (inner) => {
      const world = new World(inner);
      await using scene = await openScene(world.script);
      const { stderr } = await afterSession(scene, world, answers);
      assert.match(stderr, /3 changed files of api: \(k\)eep, \(s\)how, \(p\)ull onto a branch, \(d\)iscard\? \[keep\] /);
      assert.match(stderr, said);
      assert.equal(world.gone.length === 1, isKept);
      assert.equal(scene.signals.listenerCount("SIGINT"), 0);
    });
  }
  await t.test("show, then keep", async (inner) => {
    const world = new World(inner);
    await using scene = await openScene(world.script);
    const said = await afterSession(scene, world, ["s", "k"]);
    assert.match(said.stdout, /\+edited/);
    assert.equal(world.gone.length, 1);
  });
});

test("prune asks on a terminal", async (t) => {
  const world = new World(t);
  await using scene = await openScene(world.script);
  await run(scene, world, "--rm");
  const isTerminal = { stdin: true, stderr: true };
  const no = await scene.cli(["vm", "workspace", "prune", "--all"], { isTerminal, stdin: Readable.from([Buffer.from("n\n")]) });
  assert.deepEqual(no, {
    status: 1,
    stdout: "",
    stderr: `api (${ID}): 3 changed files, deleted 2m ago\nthrow them away? [y/N] nothing was thrown away\n`,
  });
  const yes = await scene.cli(["vm", "workspace", "prune", "--all"], { isTerminal, stdin: Readable.from([Buffer.from("y\n")]) });
  assert.deepEqual([yes.status, yes.stdout, world.gone], [0, "api pruned\n", []]);
  assert.equal((await scene.cli(["vm", "workspace", "prune"])).status, 2);
});
