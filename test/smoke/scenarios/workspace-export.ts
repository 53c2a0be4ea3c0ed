import assert from "node:assert/strict";
import { readFile, readlink, writeFile } from "node:fs/promises";
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

const CHANGED = [" M Makefile", " M src/main.txt", "?? link", "?? odd\u00ff\nname", "?? zeros"];

export default {
  name: "workspace-export",
  description: "what a guest changed comes out as a patch that git apply takes, also after a restart; its git state stays as it was",
  class: "repodir",
  needs: [],
  async run({ banger, ok, name, directory, ...context }) {
    const vm = name();
    const { path: clone, git } = context.clone();
    await writeFile(join(clone, "second"), "second\n");
    git("add", "--all");
    git("commit", "--quiet", "--message=second");
    await ok("vm", "run", clone, "--name", vm, ...SIZE, "--", "bash", "-ec", WORK);
    const state = ["vm", "exec", vm, "--", "sh", "-c", "sha1sum .git/index && git rev-parse HEAD"];
    const before = await ok(...state);
    const exported = async (file: string, ...flags: readonly string[]) => {
      const patch = join(directory, file);
      await ok("vm", "workspace", "export", vm, "--output", patch, ...flags);
      return patch;
    };
    const patch = await exported("work.patch");
    assert.deepEqual((await ok(...state)).stdout, before.stdout);
    assert.match((await ok("vm", "workspace", "diff", vm, "--stat")).stdout, /src\/main\.txt/);

    await ok("vm", "restart", vm);
    assert.equal((await ok("vm", "exec", vm, "--", "sh", "-c", "pwd; cat ignored")).stdout, "/root/repo\nwaste\n");
    assert.deepEqual(await readFile(await exported("again.patch")), await readFile(patch), "the restart changed nothing");

    git("apply", await exported("ignored.patch", "--include-ignored", "ignored"));
    const status = (...flags: readonly string[]) =>
      git("status", "--porcelain", "-z", ...flags)
        .split("\0")
        .slice(0, -1)
        .toSorted();
    assert.deepEqual(status("--ignored"), ["!! ignored", ...CHANGED].toSorted());
    assert.equal(await readFile(join(clone, "src/main.txt"), "utf8"), "hello\nguest\n");
    assert.equal(await readlink(join(clone, "link")), "Makefile");
    assert.equal((await readFile(join(clone, "zeros"))).length, 100_001);

    git("reset", "--quiet", "--hard");
    git("clean", "--quiet", "--force", "-x");
    git("apply", patch);
    assert.deepEqual(status("--ignored"), CHANGED);
    git("reset", "--quiet", "--hard", "HEAD~1");
    git("clean", "--quiet", "--force", "-x");
    git("apply", await exported("base.patch", "--base-commit", "HEAD"));
    assert.deepEqual(status(), [...CHANGED, "?? second"].toSorted(), "and what the host's own commits set apart");
    const none = await banger(["vm", "workspace", "diff", "no-such-vm"]);
    assert.equal(none.status, 1);
  },
} satisfies Scenario;
