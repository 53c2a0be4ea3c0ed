// Work in a guest's workspaces outlives the VM, or the VM stays: on a stop, a delete, the end of a lease, a kill at any point.
import assert from "node:assert/strict";
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { BangerError, type Vm } from "@banger/api";
import { poll, removeTree } from "@banger/host";
import { lsTree, manifestOf } from "../workspaces/test-guest.ts";
import { TestDaemon } from "./test-daemon.ts";

const TREE = "1".repeat(40);
const code = (wanted: string) => (error: unknown) => error instanceof BangerError && error.code === wanted;

describe("work is never thrown away silently", () => {
  let directory: string;
  let daemons: TestDaemon[];
  const daemon = (options?: ConstructorParameters<typeof TestDaemon>[1]) => {
    const made = new TestDaemon(directory, options);
    daemons.push(made);
    return made;
  };
  const repoOf = ({ id }: Pick<Vm, "id">) => join(directory, "vms", id, "fake-root/root/repo");
  const put = (of: TestDaemon, name: string, body: Buffer, tree = TREE) =>
    of.service.workspaces.put(name, { path: "/root/repo", source: "/home/me/api", tree, branch: "main" }, Readable.from([body]));
  /** A VM with two files in its workspace. */
  const withWorkspace = async (of: TestDaemon, name = "a", body: Parameters<TestDaemon["create"]>[1] = {}) => {
    const vm = await of.create(name, body);
    mkdirSync(repoOf(vm), { recursive: true });
    writeFileSync(join(repoOf(vm), "one"), "1\n");
    writeFileSync(join(repoOf(vm), "two"), "2\n");
    await put(of, name, lsTree(manifestOf(repoOf(vm), ["one", "two"])));
    return vm;
  };
  const edit = (vm: Pick<Vm, "id">) => appendFileSync(join(repoOf(vm), "one"), "edited\n");
  const remove = (of: TestDaemon, name: string, options = {}) => of.run((operation) => of.service.delete(name, operation, options));
  const stop = (of: TestDaemon, name: string) => of.run((operation) => of.service.stop(name, operation));
  const start = (of: TestDaemon, name: string) => of.run((operation) => of.service.start(name, "agent", operation));
  const keptTar = async (of: TestDaemon, { id }: Pick<Vm, "id">) => text(await of.service.workspaces.open(id, "/root/repo"));

  beforeEach(async () => {
    daemons = [];
    directory = mkdtempSync(join(tmpdir(), "banger-keep-"));
    await mkdir(join(directory, "vms"));
    writeFileSync(join(directory, "file"), "x");
  });
  afterEach(async () => {
    const last = daemons.at(-1);
    for (const { name } of last?.records.list() ?? []) if (last !== undefined) await remove(last, name, { discardsChanges: true });
    await last?.crash();
    await removeTree(directory, tmpdir());
  });

  test("a stop keeps what changed beside the disk, a delete keeps it for good", async () => {
    const one = daemon();
    const vm = await withWorkspace(one);
    const [before] = (await one.service.show("a")).workspaces;
    assert.deepEqual(
      [before?.guestPath, before?.source, before?.branch, before?.files, before?.kept],
      ["/root/repo", "/home/me/api", "main", 2, null],
    );
    edit(vm);
    const stopped = await stop(one, "a");
    assert.deepEqual(
      stopped.workspaces.map(({ kept }) => [kept?.files, kept?.bytes, kept?.isLatest]),
      [[1, 9, true]],
    );
    assert.match(await keptTar(one, vm), /1\nedited\n/);
    const kept = await remove(one, "a");
    assert.deepEqual([kept?.id, kept?.name, kept?.workspaces.map((each) => [each.tree, each.kept?.files])], [vm.id, "a", [[TREE, 1]]]);
    assert.deepEqual(await one.service.workspaces.kept(), [kept]);
    assert.match(await keptTar(one, vm), /1\nedited\n/);
    assert.deepEqual(readdirSync(join(directory, "vms")), []);
    await one.service.workspaces.discard(vm.id);
    assert.deepEqual(await one.service.workspaces.kept(), []);
    await assert.rejects(one.service.workspaces.discard(vm.id), code("workspace.not_found"));
    await assert.rejects(one.service.workspaces.open("../../etc", "/"), code("workspace.not_found"));
  });

  test("a running VM is deleted with its work kept; without any, nothing is", async () => {
    const one = daemon();
    edit(await withWorkspace(one, "a"));
    assert.equal((await remove(one, "a"))?.workspaces[0]?.kept?.files, 1);
    await withWorkspace(one, "b");
    assert.equal(await remove(one, "b"), null);
    await one.create("c");
    assert.equal(await remove(one, "c"), null);
    assert.equal((await one.service.workspaces.kept()).length, 1);
  });

  test("a killed VM has work nobody has: delete refuses, and a start is the way out", async () => {
    const one = daemon();
    const vm = await withWorkspace(one);
    edit(vm);
    process.kill(one.vmmOf(vm.id).vmm.pid, "SIGKILL");
    await one.seen("a", "stopped");
    await assert.rejects(remove(one, "a"), (error: BangerError) => {
      assert.equal(error.code, "workspace.not_kept");
      assert.match(error.hint ?? "", /banger vm start a, then delete it; .* banger vm delete a --discard-changes/);
      return true;
    });
    assert.equal((await one.service.show("a")).stopReason?.code, "killed");
    await start(one, "a");
    assert.equal((await remove(one, "a"))?.workspaces[0]?.kept?.files, 1);
  });

  test("what is to be discarded is", async () => {
    const one = daemon();
    const vm = await withWorkspace(one);
    edit(vm);
    process.kill(one.vmmOf(vm.id).vmm.pid, "SIGKILL");
    await one.seen("a", "stopped");
    assert.equal(await remove(one, "a", { discardsChanges: true }), null);
    assert.deepEqual(await one.service.workspaces.kept(), []);
  });

  test("what a stop kept is not enough once the guest has run again", async () => {
    const one = daemon();
    const vm = await withWorkspace(one);
    edit(vm);
    await stop(one, "a");
    await start(one, "a");
    assert.equal((await one.service.show("a")).workspaces[0]?.kept?.isLatest, false);
    process.kill(one.vmmOf(vm.id).vmm.pid, "SIGKILL");
    await one.seen("a", "stopped");
    await assert.rejects(remove(one, "a"), code("workspace.not_kept"));
  });

  test("a start that never reached the guest loses nothing", async () => {
    const one = daemon({ plan: (_, boot) => (boot === 1 ? {} : { failStart: "no machine" }) });
    const vm = await withWorkspace(one);
    edit(vm);
    await stop(one, "a");
    await assert.rejects(start(one, "a"));
    assert.equal((await remove(one, "a"))?.workspaces[0]?.kept?.files, 1);
  });

  test("a guest that does not tell: a stop goes on, a delete does not, and the VM runs on", async () => {
    const refusing = { fail: { "/v1/tree": { status: 500, code: "failed", message: "disk on fire" } } };
    const one = daemon({ plan: () => ({ faults: refusing }) });
    await withWorkspace(one);
    await assert.rejects(remove(one, "a"), (error: BangerError) => code("workspace.not_kept")(error) && /disk on fire/.test(error.message));
    assert.equal((await one.service.show("a")).status, "running");
    assert.equal((await stop(one, "a")).status, "stopped");
    await assert.rejects(remove(one, "a"), code("workspace.not_kept"));
  });

  test("a workspace that was moved is where a symlink leads; one that is gone is not told as deletions", async () => {
    const one = daemon();
    const vm = await withWorkspace(one);
    const moved = join(directory, "vms", vm.id, "fake-root/root/moved");
    edit(vm);
    renameSync(repoOf(vm), moved);
    await assert.rejects(remove(one, "a"), {
      code: "workspace.not_kept",
      message: /the workspace \/root\/repo is not there any more: no such directory in the guest/,
      hint: /^move it back in the guest, or leave a symlink to it at \/root\/repo, then delete it; or lose/,
    });
    writeFileSync(repoOf(vm), "a file");
    await assert.rejects(remove(one, "a"), code("workspace.not_kept"));
    rmSync(repoOf(vm));
    symlinkSync("moved", repoOf(vm));
    assert.equal((await remove(one, "a"))?.workspaces[0]?.kept?.files, 1);
    assert.match(await keptTar(one, vm), /1\nedited\n/);
  });

  test("commits that no file shows keep the VM from being deleted, running or stopped, until they are elsewhere", async () => {
    const one = daemon();
    const vm = await withWorkspace(one);
    edit(vm);
    mkdirSync(join(repoOf(vm), ".git/refs/heads"), { recursive: true });
    writeFileSync(join(repoOf(vm), ".git/HEAD"), "ref: refs/heads/main\n");
    writeFileSync(join(repoOf(vm), ".git/refs/heads/wip"), `${"a".repeat(40)}\n`);
    writeFileSync(join(repoOf(vm), ".git/refs/stash"), `${"b".repeat(40)}\n`);
    const message = /so it stays: branch wip, the stash in \/root\/repo, with commits that are on its disk alone$/;
    const isRefused = (hint: RegExp) => ({ code: "workspace.not_kept", message, hint });
    await assert.rejects(
      remove(one, "a"),
      isRefused(/^push them in the guest, .* or lose the changes: banger vm delete a --discard-changes$/),
    );
    const { kept } = (await stop(one, "a")).workspaces[0] ?? {};
    assert.deepEqual([kept?.files, kept?.isLatest, kept?.lonelyRefs], [1, true, ["refs/heads/wip", "refs/stash"]]);
    await assert.rejects(remove(one, "a"), isRefused(/^banger vm start a, push them/));
    await put(one, "a", lsTree(manifestOf(repoOf(vm), ["one", "two"])), "2".repeat(40));
    await assert.rejects(remove(one, "a"), isRefused(/banger vm start a/));
    await start(one, "a");
    rmSync(join(repoOf(vm), ".git"), { recursive: true });
    edit(vm);
    assert.equal((await remove(one, "a"))?.workspaces[0]?.kept?.files, 1);
  });

  test("a lease that ends keeps the work; where it cannot, the VM stays and is nobody's lease", async () => {
    const refusing = { fail: { "/v1/tree": { status: 500, code: "failed", message: "no" } } };
    const one = daemon({ plan: ({ vmId }) => (one.records.get(vmId).name === "b" ? { faults: refusing } : {}) });
    edit(await withWorkspace(one, "a", { lease: true }));
    edit(await withWorkspace(one, "b", { lease: true }));
    const hangUp = new AbortController();
    const held = [one.service.holdLease("a", hangUp.signal), one.service.holdLease("b", hangUp.signal)];
    hangUp.abort();
    await Promise.all(held);
    const names = () => one.records.list().map(({ name, leased }) => `${name} ${leased}`);
    await poll(() => (names().join() === "b false" ? true : undefined), { timeoutMs: 15_000 });
    assert.deepEqual(names(), ["b false"]);
    assert.deepEqual(
      (await one.service.workspaces.kept()).map(({ name }) => name),
      ["a"],
    );
  });

  test("a restart asks for nothing", async () => {
    const one = daemon();
    edit(await withWorkspace(one));
    const vm = await one.run((operation) => one.service.restart("a", "agent", operation));
    assert.equal(vm.workspaces[0]?.kept, null);
  });

  test("a guest's own power-off is no stop: its work is on the disk alone", async () => {
    const one = daemon();
    const vm = await withWorkspace(one);
    const exec = await one.service.guests.prepareExec("a", { argv: ["poweroff"] }, new AbortController().signal);
    (await one.service.guests.attach(exec.id)).resume();
    await one.seen("a", "stopped");
    assert.ok(existsSync(repoOf(vm)));
    await assert.rejects(remove(one, "a"), code("workspace.not_kept"));
  });

  test("the daemon dies with a delete or a stop under way: the next one goes on, and nothing is lost", async () => {
    const first = daemon();
    const [gone, torn, going] = [await withWorkspace(first, "a"), await withWorkspace(first, "b"), await withWorkspace(first, "c")];
    for (const vm of [gone, torn, going]) edit(vm);
    await stop(first, "a");
    await stop(first, "b");
    first.records.update(gone.id, { status: "deleting" });
    first.records.update(torn.id, { status: "deleting" });
    first.records.update(going.id, { status: "stopping" });
    // The tar was moved, and its record was not written.
    const [key = ""] = readdirSync(join(directory, "vms", torn.id, "workspaces"));
    mkdirSync(join(directory, "kept", torn.id), { recursive: true });
    renameSync(join(directory, "vms", torn.id, "workspaces", key, "changes.tar"), join(directory, "kept", torn.id, `${key}.tar`));
    await first.crash();
    const second = daemon();
    await second.reconcile();
    await second.seen("c", "stopped");
    assert.deepEqual(
      (await second.service.list()).map(({ name, status }) => [name, status]),
      [["c", "stopped"]],
    );
    assert.equal((await second.service.show("c")).workspaces[0]?.kept?.files, 1);
    assert.deepEqual((await second.service.workspaces.kept()).map(({ name }) => name).toSorted(), ["a", "b"]);
    for (const vm of [gone, torn, going]) assert.match(await keptTar(second, vm), /1\nedited\n/);
  });

  test("a daemon that finds the VM alive takes its work out as the former one would have", async () => {
    const first = daemon();
    edit(await withWorkspace(first));
    await first.crash();
    const second = daemon();
    await second.reconcile();
    assert.equal((await remove(second, "a"))?.workspaces[0]?.kept?.files, 1);
  });

  test("work that has come back is taken, whether the VM runs or not", async () => {
    const one = daemon();
    const vm = await withWorkspace(one);
    const came = "2".repeat(40);
    edit(vm);
    const now = lsTree(manifestOf(repoOf(vm), ["one", "two"]));
    assert.equal((await put(one, "a", now, came)).tree, came);
    assert.equal((await stop(one, "a")).workspaces[0]?.kept?.files, 0);
    await start(one, "a");
    edit(vm);
    await stop(one, "a");
    assert.equal((await put(one, "a", lsTree(manifestOf(repoOf(vm), ["two"])), TREE)).kept?.files, 1);
    const again = await put(one, "a", lsTree(manifestOf(repoOf(vm), ["one", "two"])), TREE);
    assert.deepEqual([again.kept?.files, again.kept?.isLatest], [0, true]);
    assert.equal(await remove(one, "a"), null);
  });

  test("a guest that hangs while what was copied in is looked at keeps no delete waiting", async () => {
    const one = daemon({ plan: () => ({ faults: { hang: ["/v1/tree"] } }) });
    await one.create("a");
    const body = Readable.from([Buffer.from(`100644 blob ${"0".repeat(40)}\ta\0`)]);
    const putting = one.service.workspaces.put("a", { path: "/root/repo", source: "/home/me/api", tree: TREE, branch: "main" }, body);
    await poll(() => (body.readableEnded ? true : undefined), { timeoutMs: 10_000 });
    const began = performance.now();
    await remove(one, "a", { discardsChanges: true });
    assert.ok(performance.now() - began < 8_000);
    await putting;
  });

  test("lists of files that are none, or name what they must not, are refused", async () => {
    const one = daemon();
    await one.create("a");
    const id = "0".repeat(40);
    for (const [body, wanted] of [
      [`100644 blob ${id}\t../up\0`, "workspace.unsafe"],
      [`100644 blob ${id}\t.git/config\0`, "workspace.unsafe"],
      [["a", "a/b"].map((name) => `100644 blob ${id}\t${name}\0`).join(""), "workspace.unsafe"],
      [`100644 blob ${id}\ta`, "api.bad_request"],
      [`160000 commit ${id}\ta\0`, "api.bad_request"],
      [`100644 blob ${id}\ta\0`.repeat(2), "api.bad_request"],
      ["x".repeat(10_000), "api.bad_request"],
    ] as const) {
      await assert.rejects(put(one, "a", Buffer.from(body)), code(wanted), body.slice(0, 80));
    }
    assert.deepEqual((await one.service.show("a")).workspaces, []);
  });
});
