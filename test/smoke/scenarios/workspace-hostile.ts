import assert from "node:assert/strict";
import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { BangerResult, Scenario, ScenarioContext } from "../scenario.ts";
import { SIZE } from "../vm-size.ts";

/** What a terminal would take for a new title; banger and git write its end each in their way. */
const TITLE = "title\u001b]0;owned\u0007";
const SHOWN = /title\\033\]0;owned\\(007|a)/;

export default {
  name: "workspace-hostile",
  description: "names a guest made to harm are refused by name, or shown escaped; nothing is written through a symlink",
  class: "repodir",
  needs: [],
  async run(context) {
    const { ok, name } = context;
    const vm = name();
    const { path: clone } = context.clone();
    await ok("vm", "run", clone, "--name", vm, ...SIZE, "--", "true");
    await showsEscaped(context, vm);
    await isNoHook(context, vm, clone);
    await isNotThroughALink(context, vm, clone);
    await isNotThroughALinkByCopy(context, vm);
  },
} satisfies Scenario;

async function showsEscaped({ ok, banger }: ScenarioContext, vm: string): Promise<void> {
  await ok("vm", "exec", vm, "--", "sh", "-c", `echo x > '${TITLE}'`);
  for (const args of [
    ["vm", "workspace", "pull", vm, "--dry-run"],
    ["vm", "workspace", "diff", vm, "--stat"],
    ["vm", "workspace", "diff", vm],
  ]) {
    const shown = await banger(args);
    assert.match(`${shown.stdout}${shown.stderr}`, SHOWN, args.join(" "));
    assertPlain(shown);
  }
}

async function isNoHook({ ok, banger }: ScenarioContext, vm: string, clone: string): Promise<void> {
  const before = await readdir(join(clone, ".git/hooks"));
  await ok("vm", "exec", vm, "--", "sh", "-c", "mkdir -p .GIT/hooks && echo 'touch owned' > .GIT/hooks/post-checkout");
  for (const flags of [[], ["--into-worktree"], ["--dry-run"]]) {
    const refused = await banger(["vm", "workspace", "pull", vm, ...flags]);
    assert.deepEqual([refused.status, refused.stdout], [1, ""]);
    assert.match(refused.stderr, /^error: .*\.GIT/m);
    assertPlain(refused);
  }
  assert.deepEqual(await readdir(join(clone, ".git/hooks")), before);
  await ok("vm", "exec", vm, "--", "rm", "-r", ".GIT");
}

/** The host has a link where the guest changed a file. */
async function isNotThroughALink({ ok, banger, directory }: ScenarioContext, vm: string, clone: string): Promise<void> {
  const outside = join(directory, "outside");
  await rename(join(clone, "src"), outside);
  await symlink(outside, join(clone, "src"));
  await ok("vm", "exec", vm, "--", "sh", "-c", "echo guest >> src/main.txt; echo new > src/new");
  const refused = await banger(["vm", "workspace", "pull", vm, "--into-worktree"]);
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /^error: .*src/m);
  assert.deepEqual(await readdir(outside), ["main.txt"]);
  assert.equal(await readFile(join(outside, "main.txt"), "utf8"), "hello\n");
  await rm(join(clone, "src"));
  await rename(outside, join(clone, "src"));
  await ok("vm", "workspace", "pull", vm, "--into-worktree");
  assert.equal(await readFile(join(clone, "src/main.txt"), "utf8"), "hello\nguest\n");
}

async function isNotThroughALinkByCopy({ ok, banger, directory }: ScenarioContext, vm: string): Promise<void> {
  await mkdir(join(directory, "target"));
  await mkdir(join(directory, "copied/tree"), { recursive: true });
  await symlink(join(directory, "target"), join(directory, "copied/tree", TITLE));
  await writeFile(join(directory, "copied/tree/own"), "own\n");
  await ok("vm", "exec", vm, "--", "sh", "-c", `mkdir -p '/srv/tree/${TITLE}' && echo x > '/srv/tree/${TITLE}/file'`);
  const refused = await banger(["vm", "cp", `${vm}:/srv/tree`, join(directory, "copied")]);
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /^error: /m);
  assert.match(refused.stderr, SHOWN);
  assertPlain(refused);
  assert.deepEqual(await readdir(join(directory, "target")), []);
  assert.equal(await readFile(join(directory, "copied/tree/own"), "utf8"), "own\n");
}

function assertPlain({ stdout, stderr }: BangerResult): void {
  for (const character of ["\u001b", "\u0007"]) assert.ok(!`${stdout}${stderr}`.includes(character), "no control character gets through");
}
