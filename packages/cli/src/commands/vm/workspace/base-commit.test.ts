// What sets a guest's files apart from a commit of the repository: in git's form, so that no filter looks like a change.
import assert from "node:assert/strict";
import { rmSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { GIT_IDENTITY, GuestWorld } from "../../../testing/guest-world.ts";
import { openScene, type Scene } from "../../../testing/run-cli.ts";

interface Setting {
  readonly world: GuestWorld;
  readonly scene: Scene;
}

/** Two commits, the second of them copied with an edit on top, and changed in the guest. */
async function setting(t: TestContext, prepare: (world: GuestWorld) => void): Promise<Setting> {
  const world = new GuestWorld(t);
  prepare(world);
  world.write("second", "second\n");
  world.commit();
  world.write("Makefile", "edited here:\n");
  const scene = await openScene(world.script);
  t.after(() => scene[Symbol.asyncDispose]());
  assert.equal((await run(scene, "prepare", "api", world.repository)).status, 0);
  world.write("new", "new\n", world.guest);
  rmSync(join(world.guest, "src/a"));
  return { world, scene };
}

const run = (scene: Scene, ...argv: string[]) => scene.cli(["vm", "workspace", ...argv], { env: GIT_IDENTITY });

/** Names of a patch, each with how it begins. */
const namesIn = (patch: string) => [...patch.matchAll(/^diff --git a\/(\S+) /gm)].map(([, name]) => name);

test("from a commit: what was committed and edited since, and what the guest did", async (t) => {
  const { scene, world } = await setting(t, () => undefined);
  assert.deepEqual(namesIn((await run(scene, "export", "api")).stdout), ["new", "src/a"]);
  assert.deepEqual(namesIn((await run(scene, "export", "api", "--base-commit", "HEAD")).stdout), ["Makefile", "new", "src/a"]);
  const older = await run(scene, "export", "api", "--base-commit", "main~1");
  assert.deepEqual(namesIn(older.stdout), ["Makefile", "new", "second", "src/a"]);
  assert.match((await run(scene, "diff", "api", "--base-commit", "main~1", "--stat")).stdout, /4 files changed/);
  world.git("checkout", "--quiet", "--force", "--detach", "main~1");
  world.write("../patch", older.stdout);
  world.git("apply", join(world.directory, "patch"));
  assert.deepEqual(world.git("status", "--porcelain", "--untracked-files=all").trim().split("\n").toSorted(), [
    " D src/a",
    "?? new",
    "?? second",
    "M Makefile",
  ]);
});

test("files that git converts are no changes", async (t) => {
  const { scene } = await setting(t, (world) => {
    world.git("config", "filter.upper.clean", "tr a-z A-Z");
    world.git("config", "filter.upper.smudge", "tr A-Z a-z");
    world.write(".gitattributes", "*.txt text eol=crlf\n*.up filter=upper\n");
    world.write("lines.txt", "one\r\ntwo\r\n");
    world.write("word.up", "word\n");
    // As old as files usually are: what changed together with the index is looked into, and no filter runs for that.
    utimesSync(join(world.repository, "word.up"), 1, 1);
  });
  const committed = await run(scene, "export", "api", "--base-commit", "HEAD");
  assert.deepEqual(namesIn(committed.stdout), ["Makefile", "new", "src/a"]);
});

test("nothing changed in the guest: what is not committed here is all there is", async (t) => {
  const { scene, world } = await setting(t, () => undefined);
  rmSync(join(world.guest, "new"));
  world.write("src/a", "a\n", world.guest);
  assert.deepEqual(namesIn((await run(scene, "diff", "api", "--base-commit", "HEAD")).stdout), ["Makefile"]);
});

test("what is no commit is refused, and no option of git's", async (t) => {
  const { scene, world } = await setting(t, () => undefined);
  for (const commit of ["nowhere", "--all", "HEAD:Makefile"]) {
    const said = await run(scene, "diff", "api", `--base-commit=${commit}`);
    assert.deepEqual(said, {
      status: 1,
      stdout: "",
      stderr: `error: ${JSON.stringify(commit)} is no commit of ${world.repository}\n  try: git -C ${world.repository} log --oneline\n`,
    });
  }
});
