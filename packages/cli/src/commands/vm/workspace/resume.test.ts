// A pull into the work tree that was killed: finished by the next one of that VM, whatever it is called by, and by no other.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { Git, openRepository, planWorkTree, pullIntoWorkTree, WorkspaceStore, type WorkspaceRecord } from "@banger/workspace";
import { GIT_IDENTITY, GuestWorld } from "../../../testing/guest-world.ts";
import { openScene, type Scene } from "../../../testing/run-cli.ts";

const run = (scene: Scene, ...argv: string[]) => scene.cli(["vm", "workspace", ...argv], { env: GIT_IDENTITY });

/** Dies when all files are written and only that is still to be said. */
class DyingStore extends WorkspaceStore {
  override saveRecord(_record: WorkspaceRecord): Promise<void> {
    return Promise.reject(new Error("killed"));
  }
}

interface Cut {
  readonly world: GuestWorld;
  readonly scene: Scene;
  readonly store: WorkspaceStore;
}

/** A conflict that has been written, by a pull that is not recorded. */
async function cutOff(t: TestContext): Promise<Cut> {
  const world = new GuestWorld(t);
  const scene = await openScene(world.script);
  t.after(() => scene[Symbol.asyncDispose]());
  await run(scene, "prepare", "api", world.repository);
  world.write("src/a", "guest\n", world.guest);
  world.write("src/a", "host\n");
  const git = new Git({ env: { ...scene.env, ...GIT_IDENTITY } });
  const store = new WorkspaceStore(join(scene.home, "state/workspaces", world.vm?.id ?? ""));
  // Its contents come into the store.
  await run(scene, "diff", "api");
  const [record, theirs] = [await store.record(), await store.seen()];
  assert.ok(record !== undefined && theirs !== undefined);
  const repository = await openRepository(git, world.repository);
  const request = { git, store: new DyingStore(store.directory), record, repository, theirs, nowMs: 0 };
  await assert.rejects(pullIntoWorkTree(request, await planWorkTree(request)), /killed/);
  assert.match(readFileSync(join(world.repository, "src/a"), "utf8"), /^<<<<<<< host\nhost\n=======\nguest\n>>>>>>> vm\/api\n$/);
  return { world, scene, store };
}

test("by its name", async (t) => {
  const { scene, world, store } = await cutOff(t);
  const said = await run(scene, "pull", "api", "--into-worktree");
  assert.match(said.stderr, /the pull from api that was cut off is finished/);
  assert.equal(await store.journal(), undefined);
  assert.match(readFileSync(join(world.repository, "src/a"), "utf8"), /^<<<<<<< host\nhost\n=======\nguest\n>>>>>>> vm\/api\n$/);
});

test("by the id of a VM that is gone", async (t) => {
  const { scene, world, store } = await cutOff(t);
  const { vm, registered } = world;
  assert.ok(vm !== undefined && registered !== undefined);
  world.vm = undefined;
  const kept = { at: "2026-01-01T00:00:00.000Z", files: 0, bytes: 0, isLatest: true };
  world.gone = [{ id: vm.id, name: "api", deletedAt: kept.at, workspaces: [{ ...registered, kept }] }];
  assert.match((await run(scene, "pull", vm.id, "--into-worktree")).stderr, /the pull from api that was cut off is finished/);
  assert.equal(await store.journal(), undefined);
});

test("not by a new VM of that name", async (t) => {
  const { scene, world, store } = await cutOff(t);
  const { vm, registered } = world;
  assert.ok(vm !== undefined && registered !== undefined);
  world.gone = [{ id: vm.id, name: "api", deletedAt: "2026-01-01T00:00:00.000Z", workspaces: [registered] }];
  world.vm = { ...vm, id: "fedcba9876543210" };
  const other = new GuestWorld(t);
  assert.equal((await run(scene, "prepare", "api", other.repository, "--guest-path", "/root/other")).status, 0);
  world.git("reset", "--quiet", "--hard");
  const said = await run(scene, "pull", "api", "--into-worktree");
  assert.equal(said.stderr, "nothing new in api:/root/other\n");
  assert.ok(await store.journal());
  assert.equal(readFileSync(join(world.repository, "src/a"), "utf8"), "a\n");
});
