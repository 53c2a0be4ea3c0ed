import assert from "node:assert/strict";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Scenario } from "../scenario.ts";
import { SIZE } from "../vm-size.ts";

export default {
  name: "workspace-prepare",
  description: "a copy in a running VM follows the host's edits, deletions and commits; what the guest changed is not overwritten unasked",
  class: "repodir",
  needs: [],
  async run({ banger, ok, name, ...context }) {
    const vm = name();
    const { path: clone, git } = context.clone();
    await writeFile(join(clone, "going"), "going\n");
    git("add", "--all");
    git("commit", "--quiet", "--message=before");
    for (let made = 0; made < 60; made += 1) git("commit", "--quiet", "--allow-empty", `--message=${made}`);
    await ok("vm", "run", clone, "--name", vm, ...SIZE, "--", "sh", "-c", "echo own > own");
    const guest = async (line: string) => (await ok("vm", "exec", vm, "--", "sh", "-c", line)).stdout;
    assert.equal(await guest("pwd; git rev-list --count HEAD"), "/root/repo\n50\n", "as much history as is of use");

    await rm(join(clone, "going"));
    await writeFile(join(clone, "src/main.txt"), "from the host\n");
    await writeFile(join(clone, "coming"), "coming\n");
    git("add", "--all");
    git("commit", "--quiet", "--message=after");
    const moved = await banger(["vm", "exec", vm, "--", "true"]);
    assert.match(moved.stderr, /clone is 1 commit ahead of the copy in \S+\. {2}bring them: banger vm workspace prepare/);
    await ok("vm", "workspace", "prepare", vm);
    assert.equal(
      await guest("git log -1 --format=%s; git status --porcelain; cat src/main.txt coming own; ls going 2>&1 | grep -c No"),
      "after\n?? own\nfrom the host\ncoming\nown\n1\n",
    );
    assert.match((await ok("vm", "workspace", "prepare", vm)).stderr, /is up to date with/);

    await guest("echo guest > coming");
    await writeFile(join(clone, "coming"), "again\n");
    await writeFile(join(clone, "src/main.txt"), "again\n");
    const refused = await banger(["vm", "workspace", "prepare", vm]);
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /nothing is copied: in the way in \S+: coming \(changed in the guest\)/);
    assert.equal(await guest("cat src/main.txt coming"), "from the host\nguest\n");
    await ok("vm", "workspace", "prepare", vm, "--force");
    assert.equal(await guest("cat src/main.txt coming"), "again\nagain\n");
    assert.equal(await guest("git status --porcelain"), git("status", "--porcelain").concat("?? own\n"));

    await writeFile(join(clone, "coming"), "before the command\n");
    assert.equal((await ok("vm", "exec", vm, "--auto-prepare", "--", "cat", "coming")).stdout, "before the command\n");
    await ok("vm", "stop", vm);
    const stopped = await banger(["vm", "workspace", "prepare", vm]);
    assert.equal(stopped.status, 1);
    assert.match(stopped.stderr, /try: banger vm start/);
  },
} satisfies Scenario;
