// `vm run PATH`: what a dry run leaves alone, and what becomes of a VM whose copy is cut off.
import assert from "node:assert/strict";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { GIT_IDENTITY, GuestWorld } from "../../testing/guest-world.ts";
import { openScene } from "../../testing/run-cli.ts";

test("--dry-run lists what would go; it makes no VM, starts no daemon and leaves nothing", async (t) => {
  const world = new GuestWorld(t);
  world.write("note", "untracked\n");
  const started = join(world.directory, "started");
  const program = join(world.directory, "bangerd");
  writeFileSync(program, `#!/bin/sh\necho >${started}\n`, { mode: 0o755 });
  await using scene = await openScene();
  const dryRun = (...flags: string[]) =>
    scene.cli(["vm", "run", world.repository, "--dry-run", ...flags], { env: GIT_IDENTITY, daemonProgram: [program] });
  assert.deepEqual(await dryRun(), {
    status: 0,
    stdout: "Makefile\nsrc/a\nskipped: note (untracked: --include-untracked copies it)\n2 files, 8 B, 1 skipped\n",
    stderr: "",
  });
  const { status, stdout } = await dryRun("--json", "--include-untracked", "--guest-path", "/srv/api");
  assert.deepEqual(
    [status, JSON.parse(stdout)],
    [
      0,
      {
        source: world.repository,
        guestPath: "/srv/api",
        files: ["Makefile", "note", "src/a"].map((name) => ({
          name,
          kind: "file",
          bytes: name === "note" ? 10 : name === "src/a" ? 2 : 6,
          tracked: name !== "note",
        })),
        skipped: [],
        bytes: 18,
      },
    ],
  );
  assert.ok(!existsSync(started));
  assert.deepEqual(
    readdirSync(join(scene.home, "state/workspaces")).filter((name) => name.startsWith(".scratch")),
    [],
  );
  assert.ok(!existsSync(join(scene.home, "data")));
});

test("Ctrl-C while the copy is under way undoes the VM, and says so", async (t) => {
  const world = new GuestWorld(t);
  world.vm = undefined;
  await using scene = await openScene(world.script);
  const mayEnd = Promise.withResolvers<void>();
  world.before = async () => {
    await scene.signal("SIGINT");
    await mayEnd.promise;
  };
  const said = await scene.cli(["vm", "run", world.repository, "--name", "api", "--", "make"], { env: GIT_IDENTITY });
  mayEnd.resolve();
  assert.equal(said.status, 130);
  assert.match(said.stderr, /cancelled: api is undone\n$/);
  assert.ok(scene.daemon?.calls.includes("vmDelete api discardChanges=true"));
  assert.ok(!scene.daemon?.calls.some((call) => call.startsWith("vmExec")));
});
