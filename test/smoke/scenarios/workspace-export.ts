import assert from "node:assert/strict";
import { readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import type { Scenario } from "../scenario.ts";
import { SIZE } from "../vm-size.ts";

/** Edits, a commit, a mode, a link, a binary file, names that are no text, ignored waste. */
const WORK = [
  "echo guest >> src/main.txt",
  "git add src && git -c user.name=G -c user.email=g@example.invalid commit -qm guest",
  "chmod +x Makefile && ln -s Makefile link",
  "head -c 100000 /dev/zero > zeros && printf '\\377' >> zeros",
  "printf x > \"$(printf 'odd\\377\\nname')\"",
  "echo waste > ignored",
].join("\n");

export default {
  name: "workspace-export",
  description: "what a guest changed comes out as a patch that git apply takes; the guest's git state stays as it was",
  class: "repodir",
  needs: [],
  async run({ banger, ok, repository, name, directory, ...context }) {
    const vm = name();
    await ok("vm", "run", repository, "--name", vm, ...SIZE, "--", "bash", "-ec", WORK);
    const state = ["vm", "exec", vm, "--", "sh", "-c", "cd /root/repo && sha1sum .git/index && git rev-parse HEAD"];
    const before = await ok(...state);
    const patch = join(directory, "work.patch");
    await ok("vm", "workspace", "export", vm, "--output", patch);
    assert.deepEqual((await ok(...state)).stdout, before.stdout);
    const { path: clone, git } = context.clone();
    git("apply", patch);
    const status = git("status", "--porcelain", "-z")
      .split("\0")
      .filter((line) => line !== "");
    assert.deepEqual(status.toSorted(), [" M Makefile", " M src/main.txt", "?? link", "?? odd\u00ff\nname", "?? zeros"]);
    assert.equal(await readFile(join(clone, "src/main.txt"), "utf8"), "hello\nguest\n");
    assert.equal(await readlink(join(clone, "link")), "Makefile");
    assert.equal((await readFile(join(clone, "zeros"))).length, 100_001);
    assert.match((await ok("vm", "workspace", "diff", vm, "--stat")).stdout, /src\/main\.txt/);
    const none = await banger(["vm", "workspace", "diff", "no-such-vm"]);
    assert.equal(none.status, 1);
  },
} satisfies Scenario;
