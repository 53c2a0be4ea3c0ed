// Two bangers on one workspace: one after the other, so that neither loses what the other wrote down.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { GIT_IDENTITY, GuestWorld } from "../../../testing/guest-world.ts";
import { openScene, type Scene } from "../../../testing/run-cli.ts";

const run = (scene: Scene, ...argv: string[]) => scene.cli(["vm", "workspace", ...argv], { env: GIT_IDENTITY });

interface Recorded {
  readonly baseTree: string;
  readonly branchPull?: { readonly commit: string };
}

function recordOf(scene: Scene, world: GuestWorld): Recorded {
  return JSON.parse(readFileSync(join(scene.home, "state/workspaces", world.vm?.id ?? "", "record.json"), "utf8")) as Recorded;
}

test("a prepare waits for the pull under way, says so, and both count", async (t) => {
  const world = new GuestWorld(t);
  await using scene = await openScene(world.script);
  assert.equal((await run(scene, "prepare", "api", world.repository)).status, 0);
  world.write("new", "guest\n", world.guest);
  world.write("Makefile", "host:\n");
  const before = recordOf(scene, world);
  const pullIsAtIt = Promise.withResolvers<void>();
  const pullMayGoOn = Promise.withResolvers<void>();
  world.before = async (call) => {
    if (call !== "vmTree") return;
    pullIsAtIt.resolve();
    await pullMayGoOn.promise;
  };
  const pull = run(scene, "pull", "api");
  await pullIsAtIt.promise;
  const order: string[] = [];
  const isTold = Promise.withResolvers<void>();
  const prepare = scene.cli(["vm", "workspace", "prepare", "api"], {
    env: GIT_IDENTITY,
    onStderr: (soFar) => soFar.includes("waiting") && isTold.resolve(),
  });
  await isTold.promise;
  pullMayGoOn.resolve();
  const said = await Promise.all([pull.finally(() => order.push("pull")), prepare.finally(() => order.push("prepare"))]);
  assert.deepEqual(
    said.map(({ status }) => status),
    [0, 0],
  );
  assert.match(said[1].stderr, /^waiting: another banger works on the workspace of api\nworkspace .*: 1 file/);
  assert.deepEqual(order, ["pull", "prepare"]);
  const { baseTree, branchPull } = recordOf(scene, world);
  assert.notEqual(baseTree, before.baseTree);
  assert.equal(branchPull?.commit, world.git("rev-parse", "banger/api").trim());
});

test("a workspace that is forgotten leaves no lock behind", async (t) => {
  const world = new GuestWorld(t);
  await using scene = await openScene(world.script);
  await run(scene, "prepare", "api", world.repository);
  const locks = join(scene.home, "state/workspaces/.locks");
  assert.deepEqual(readdirSync(locks), [world.vm?.id]);
  const first = world.vm;
  assert.ok(first !== undefined);
  world.vm = { ...first, id: "fedcba9876543210" };
  assert.equal((await run(scene, "prepare", "api", world.repository, "--guest-path", "/root/other")).status, 0);
  assert.deepEqual(readdirSync(locks), ["fedcba9876543210"]);
  assert.ok(!existsSync(join(scene.home, "state/workspaces", first.id)));
});
