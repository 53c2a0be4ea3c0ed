import assert from "node:assert/strict";
import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import type { Scenario } from "../scenario.ts";
import { SIZE } from "../vm-size.ts";

/** More than go along unless all are asked for. */
const COMMITS = 60;

export default {
  name: "workspace-history",
  description: "all commits go along with --mode full; a branch of the guest's begins where --from says",
  class: "repodir",
  needs: [],
  async run({ banger, ok, name, ...context }) {
    const { path: clone, git } = context.clone();
    const file = join(clone, "src/main.txt");
    await appendFile(file, "then\n");
    git("commit", "--quiet", "--all", "--message=then");
    for (let made = 2; made < COMMITS; made += 1) git("commit", "--quiet", "--allow-empty", `--message=${made}`);
    git("tag", "early", "HEAD~3");
    await appendFile(file, "not committed\n");

    const vm = name();
    const look = "git branch --show-current; git rev-list --count HEAD; git status --porcelain; git log -1 --format=%s; cat src/main.txt";
    const flags = ["--mode", "full", "--branch", "topic", "--from", "early"];
    const full = await ok("vm", "run", clone, ...flags, "--rm", "--name", vm, ...SIZE, "--", "sh", "-c", look);
    const expected = ["topic", `${COMMITS - 3}`, `${COMMITS - 4}`, "hello", "then"];
    assert.deepEqual(full.stdout.trim().split("\n"), expected, "that commit's files, not the work tree's");
    assert.equal(git("branch", "--list", "topic"), "", "the host has no such branch");

    const nowhere = ["--branch", "topic", "--from", "no-such-ref"];
    const unknown = await banger(["vm", "run", clone, ...nowhere, "--name", name("unknown"), "--", "true"]);
    assert.equal(unknown.stdout, "");
    assert.match(unknown.stderr, /^error: .*no-such-ref.*\n {2}try: /m);
  },
} satisfies Scenario;
