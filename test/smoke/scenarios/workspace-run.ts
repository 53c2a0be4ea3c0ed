import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { appendFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Scenario } from "../scenario.ts";
import { SIZE } from "../vm-size.ts";

export default {
  name: "workspace-run",
  description: "a repository goes in as git sees it, a command runs in it, its status comes back; untracked only on request",
  class: "repodir",
  needs: [],
  async run({ banger, ok, repository, name, directory }) {
    await appendFile(join(repository, "src/main.txt"), "edited\n");
    // Where no daemon is, so that one that it began would be seen.
    const elsewhere = { env: { BANGER_HOME: join(directory, "home") } };
    const dry = await banger(["vm", "run", repository, "--dry-run"], elsewhere);
    assert.equal(dry.status, 0, dry.stderr);
    assert.match((await banger(["daemon", "status"], elsewhere)).stdout, /^not running/);
    assert.deepEqual(await readdir(join(directory, "home/data")).catch(() => []), [], "neither a state nor a VM");
    assert.deepEqual(dry.stdout.split("\n").slice(0, 4), [
      ".gitignore",
      "Makefile",
      "src/main.txt",
      "skipped: untracked (untracked: --include-untracked copies it)",
    ]);
    const vm = name();
    const script = "pwd; git status --porcelain --branch; cat src/main.txt; ls -A; make test; exit 7";
    const ran = await banger(["vm", "run", repository, "--name", vm, ...SIZE, "--", "sh", "-c", script]);
    assert.equal(ran.status, 7);
    const expected = ["/root/repo", "## main", " M src/main.txt", "hello", "edited", ".git", ".gitignore", "Makefile", "src", "tests pass"];
    assert.deepEqual(ran.stdout.trim().split("\n"), expected);
    assert.match(ran.stderr, /workspace .* → \/root\/repo: 3 files, .*\(1 untracked skipped: --include-untracked\)/);
    const more = name("untracked");
    const flags = ["--include-untracked", "--guest-path", "/srv/work", "--branch", "topic"];
    const all = await ok(
      "vm",
      "run",
      repository,
      "--rm",
      "--name",
      more,
      ...SIZE,
      ...flags,
      "--",
      "sh",
      "-c",
      "pwd; ls; git branch --show-current",
    );
    assert.deepEqual(all.stdout.trim().split("\n"), ["/srv/work", "Makefile", "src", "untracked", "topic"]);
    execFileSync("git", ["-C", repository, "checkout", "--quiet", "--", "src/main.txt"]);
    await writeFile(join(repository, "untracked"), "note\n");
  },
} satisfies Scenario;
