import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Scenario } from "../scenario.ts";
import { SIZE } from "../vm-size.ts";

export default {
  name: "workspace-pull",
  description: "a guest's changes come onto a branch, twice, and into the work tree, where a conflict is one; nothing here is lost",
  class: "repodir",
  needs: [],
  async run({ banger, ok, name, ...context }) {
    const vm = name();
    const { path: clone, git } = context.clone();
    const branch = `banger/${vm}`;
    await ok("vm", "run", clone, "--name", vm, ...SIZE, "--", "sh", "-c", "echo guest >> src/main.txt; echo one > one; chmod +x Makefile");
    const status = git("status", "--porcelain=v2", "--branch");
    assert.match((await ok("vm", "workspace", "pull", vm, "--dry-run")).stdout, /^A {2}one$/m);
    assert.equal(git("branch", "--list", branch), "");
    await ok("vm", "workspace", "pull", vm);
    assert.equal(git("status", "--porcelain=v2", "--branch"), status);
    assert.deepEqual(git("diff", "--name-only", `HEAD..${branch}`).trim().split("\n"), ["Makefile", "one", "src/main.txt"]);
    await ok("vm", "exec", vm, "--", "sh", "-c", "echo two > two");
    await ok("vm", "workspace", "pull", vm);
    assert.equal(git("diff", "--name-only", `${branch}~1`, branch), "two\n");
    assert.match((await ok("vm", "workspace", "pull", vm)).stderr, /nothing new/);

    await writeFile(join(clone, "src/main.txt"), "hello\nhost\n");
    await writeFile(join(clone, "mine"), "mine\n");
    const pulled = await banger(["vm", "workspace", "pull", vm, "--into-worktree"]);
    assert.equal(pulled.status, 1, pulled.stderr);
    assert.match(pulled.stdout, /^C {2}src\/main\.txt \(changed on both sides\)$/m);
    assert.match(await readFile(join(clone, "src/main.txt"), "utf8"), /^hello\n<<<<<<< host\nhost\n=======\nguest\n>>>>>>> vm\//);
    assert.equal(await readFile(join(clone, "two"), "utf8"), "two\n");
    assert.equal(await readFile(join(clone, "mine"), "utf8"), "mine\n");
    assert.equal(git("show", `refs/banger/before-pull/${vm}:src/main.txt`), "hello\nhost\n");
    assert.match(git("status", "--porcelain"), /^UU src\/main\.txt$/m);
    await writeFile(join(clone, "src/main.txt"), "hello\nboth\n");
    git("add", "src/main.txt");
    await ok("vm", "workspace", "pull", vm, "--into-worktree");
    assert.equal(await readFile(join(clone, "src/main.txt"), "utf8"), "hello\nboth\n");
    const back = await banger(["vm", "workspace", "prepare", vm]);
    assert.equal(back.status, 0, back.stderr);
    assert.equal((await ok("vm", "exec", vm, "--", "cat", "src/main.txt")).stdout, "hello\nboth\n");
  },
} satisfies Scenario;
