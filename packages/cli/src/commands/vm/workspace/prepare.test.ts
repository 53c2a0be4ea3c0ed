// `vm workspace prepare`: the first copy into a VM that runs, and those that follow; what it says, and what it refuses.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { GIT_IDENTITY, GuestWorld } from "../../../testing/guest-world.ts";
import { openScene, type CliOptions, type Scene } from "../../../testing/run-cli.ts";

interface Setting {
  readonly world: GuestWorld;
  readonly scene: Scene;
  readonly prepare: (argv?: readonly string[], options?: CliOptions) => ReturnType<Scene["cli"]>;
}

async function setting(t: TestContext): Promise<Setting> {
  const world = new GuestWorld(t);
  const scene = await openScene(world.script);
  t.after(() => scene[Symbol.asyncDispose]());
  const prepare: Setting["prepare"] = (argv = [], options = {}) =>
    scene.cli(["vm", "workspace", "prepare", "api", ...argv], { ...options, env: GIT_IDENTITY });
  return { world, scene, prepare };
}

const refused = (message: string, hint: string | undefined) => ({
  status: 1,
  stdout: "",
  stderr: `error: ${message}\n${hint === undefined ? "" : `  try: ${hint}\n`}`,
});

test("the first copy into a VM that runs, then what changed", async (t) => {
  const { world, scene, prepare } = await setting(t);
  const top = world.repository;
  assert.deepEqual(await prepare(), {
    status: 2,
    stdout: "",
    stderr: "error: api has no workspace yet: which repository?\n  try: banger vm workspace prepare api ./repo\n",
  });
  const first = await prepare([top]);
  assert.deepEqual([first.status, first.stdout], [0, ""]);
  assert.match(first.stderr, new RegExp(`^workspace ${top} → /root/repo: 2 files, 8 B\n`));
  assert.equal(readFileSync(join(world.guest, "src/a"), "utf8"), "a\n");
  assert.equal(world.registered?.source, top);
  assert.deepEqual(await prepare(), { status: 0, stdout: "", stderr: `api:/root/repo is up to date with ${top}\n` });
  world.write("src/a", "edited\n");
  const again = await prepare(["--json"]);
  assert.deepEqual(JSON.parse(again.stdout), {
    vm: "api",
    repository: top,
    guestPath: "/root/repo",
    sent: ["src/a"],
    removed: [],
    commit: world.git("rev-parse", "HEAD").trim(),
    branch: "main",
  });
  assert.equal(readFileSync(join(world.guest, "src/a"), "utf8"), "edited\n");
  assert.ok(scene.daemon?.calls.includes("vmFilesPut api path=/root/repo owner=0:0"));
});

test("files and bytes are shown as they go, the first time and again", async (t) => {
  const { world, prepare } = await setting(t);
  const terminal = { isTerminal: { stderr: true }, size: { columns: 80, rows: 25 } };
  assert.match((await prepare([world.repository], terminal)).stderr, /copy {2}2 files, 8 B of 8 B/);
  world.write("src/a", "edited\n");
  assert.match((await prepare([], terminal)).stderr, /copy {2}1 file, 7 B of 7 B/);
});

test("a VM that has a copy keeps its repository, its place and its history", async (t) => {
  const { world, prepare } = await setting(t);
  const other = new GuestWorld(t);
  const top = world.repository;
  await prepare([top]);
  assert.deepEqual(
    await prepare([other.repository]),
    refused(`api has a copy of ${top}, not of ${other.repository}`, `banger vm run ${other.repository}`),
  );
  assert.deepEqual(
    await prepare(["--guest-path", "/root/other"]),
    refused(
      "the copy in api is in /root/repo, not in /root/other",
      `banger vm workspace prepare api, or a VM of its own: banger vm run ${top} --guest-path /root/other`,
    ),
  );
  assert.deepEqual(
    await prepare(["--mode", "full"]),
    refused("the copy in api was made with a short history, and stays so", `banger vm run ${top} --mode full`),
  );
  assert.equal((await prepare([join(top, "src"), "--mode", "shallow", "--guest-path", "/root/repo"])).status, 0);
});

test("a place that is taken is left alone without --force", async (t) => {
  const { world, prepare } = await setting(t);
  world.write("mine", "guest\n", world.guest);
  assert.deepEqual(
    await prepare([world.repository]),
    refused("/root/repo is there in api, and no copy of yours", "--guest-path DIR for another place, or --force to copy over it"),
  );
  assert.ok(!existsSync(join(world.guest, "src")));
  assert.equal((await prepare([world.repository, "--guest-path", "/srv/work"])).status, 0);
  assert.ok(existsSync(join(world.guestRoot, "srv/work/src/a")));
});

test("--force copies over what is there, and what is not of the copy stays", async (t) => {
  const { world, prepare } = await setting(t);
  world.write("mine", "guest\n", world.guest);
  assert.equal((await prepare([world.repository, "--force"])).status, 0);
  assert.deepEqual([existsSync(join(world.guest, "src/a")), existsSync(join(world.guest, "mine"))], [true, true]);
});

test("a VM that does not run, and a repository that is gone", async (t) => {
  const { world, prepare } = await setting(t);
  await prepare([world.repository]);
  world.git("config", "core.worktree", "../elsewhere");
  mkdirSync(join(world.directory, "elsewhere"));
  assert.equal((await prepare([world.repository])).status, 1);
  const { vm } = world;
  assert.ok(vm !== undefined);
  world.vm = { ...vm, status: "stopped" };
  assert.deepEqual(await prepare(), refused("api is not running (stopped)", "banger vm start api"));
});

test("Ctrl-C while it copies says what may be there; the next one finishes it", async (t) => {
  const { world, scene, prepare } = await setting(t);
  const interrupted = async (...argv: string[]) => {
    const hangs = Promise.withResolvers<void>();
    world.before = async (call) => {
      if (call !== "vmFilesPut") return;
      await scene.signal("SIGINT");
      await hangs.promise;
    };
    const said = await prepare(argv);
    world.before = () => undefined;
    hangs.resolve();
    return said;
  };
  const first = await interrupted(world.repository);
  assert.equal(first.status, 130);
  assert.match(first.stderr, /cancelled: api may have a part of it\n$/);
  assert.equal((await prepare([world.repository, "--force"])).status, 0);
  world.write("src/a", "edited\n");
  const second = await interrupted();
  assert.equal(second.status, 130);
  assert.match(second.stderr, /cancelled: api may have a part of it\. {2}again: banger vm workspace prepare api\n$/);
  assert.equal((await prepare()).status, 0);
  assert.equal(readFileSync(join(world.guest, "src/a"), "utf8"), "edited\n");
});
