// The runner as a program, with a fake banger: its exit statuses and what it writes where.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtempDisposable, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { EXIT } from "./report.ts";

/** Answers as a banger without VMs, on a host that has a network and nothing else. */
const FAKE_BANGER = `#!/bin/sh
case "$*" in
  'doctor --json') echo '{ "checks": [{ "id": "network", "status": "ok" }] }' ;;
  'image list --json') echo '[{ "status": "ready", "outdated": false }]' ;;
  *--json) echo '[]' ;;
esac
`;

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a user may have set, all of which would be in the way of a test's repository. */
const USERS_GIT = "[commit]\n\tgpgsign = true\n[init]\n\ttemplateDir = /no/such\n[core]\n\thooksPath = /no/such\n\tautocrlf = true\n";

async function withRunner(use: (run: (...args: readonly string[]) => Ended, directory: string) => Promise<void>): Promise<void> {
  await using scratch = await mkdtempDisposable(join(tmpdir(), "banger-smoke-"));
  await mkdir(join(scratch.path, "build/bin"), { recursive: true });
  await writeFile(join(scratch.path, "build/bin/banger"), FAKE_BANGER, { mode: 0o755 });
  const program = join(import.meta.dirname, "fake-program.test-support.ts");
  const fixed = ["--build", join(scratch.path, "build"), "--state", join(scratch.path, "state")];
  await writeFile(join(scratch.path, ".gitconfig"), USERS_GIT);
  const env = { PATH: process.env["PATH"] ?? "", HOME: scratch.path, GIT_DIR: "/no/such", GIT_AUTHOR_NAME: "Somebody" };
  const run = (...args: readonly string[]) => spawnSync(process.execPath, [program, ...fixed, ...args], { encoding: "utf8", env });
  await use(run, scratch.path);
}

test("the exit status tells what became of the scenarios; what is missing is named", async () => {
  await withRunner(async (run) => {
    assert.equal(run("--scenario", "passes").status, EXIT.passed);
    assert.equal(run("--scenario", "passes,fails").status, EXIT.failed);
    const skipped = run("--scenario", "passes,needs-kvm");
    assert.equal(skipped.status, EXIT.notRunnable);
    assert.match(skipped.stdout, /^SKIP {2}needs-kvm .*missing: usable KVM/m);
  });
});

test("a scenario that never settles is a failure", async () => {
  await withRunner(async (run) => {
    const ended = run("--scenario", "never-settles");
    assert.equal(ended.status, EXIT.failed, ended.stdout);
    assert.match(ended.stdout, /^FAIL {2}never-settles/m);
  });
});

/** What is kept of one would be in the way of the next. */
const MANY_KEPT = [
  ["--keep", "--scenario", "passes,fails"],
  ["--keep", "--scenario", "passes", "--repeat", "2"],
];

test("help and the list are 0; a wrong command line is 2 and begins nothing", async () => {
  await withRunner(async (run) => {
    for (const flag of ["-h", "--help"]) assert.match(run(flag).stdout, /^Runs scenarios on real VMs/);
    assert.equal(run("--list").stdout.split("\n")[0], "passes                       pure     tries passes");
    for (const args of [["--bogus"], ["surplus"], ["--jobs"], ["--jobs", "0"], ["--scenario", "pases"], ["--keep"], ...MANY_KEPT]) {
      const { status, stdout } = run(...args);
      assert.deepEqual([status, stdout], [EXIT.usage, ""], args.join(" "));
    }
  });
});

test("git in a run knows nothing of the user's settings, nor of a repository that the runner was started in", async () => {
  await withRunner(async (run) => {
    const { stdout } = run("--scenario", "clones");
    assert.match(stdout, /^ {2}Smoke: First$/m);
    assert.match(stdout, /^PASS/m);
  });
});

test("with --json standard output is the outcomes and nothing else", async () => {
  await withRunner(async (run) => {
    for (const jobs of ["1", "2"]) {
      const { stdout, stderr } = run("--scenario", "passes,fails,needs-kvm", "--jobs", jobs, "--json");
      const outcomes = JSON.parse(stdout) as readonly { readonly name: string; readonly result: string; readonly missing?: string }[];
      const told = outcomes.map(({ name, result, missing = "" }) => `${result} ${name} ${missing}`);
      assert.deepEqual(told.toSorted(), ["FAIL fails ", "PASS passes ", "SKIP needs-kvm kvm"]);
      assert.match(stderr, /Error: it is not\n[\s\S]*smoke: 1 passed, 1 failed, 1 skipped\n$/);
    }
  });
});

test("--clean removes what runs have left, makes nothing, and has nothing to do twice", async () => {
  await withRunner(async (run, directory) => {
    const home = join(directory, "state");
    run("--scenario", "passes");
    assert.match(await readFile(join(home, "logs/passes.log"), "utf8"), /it is well/);
    for (const said of [`removed ${home}\n`, ""]) {
      const { status, stdout, stderr } = run("--clean");
      assert.deepEqual([status, stdout, stderr], [EXIT.passed, said, ""]);
      assert.equal(existsSync(home), false);
    }
  });
});

test("JUnit goes into the file that is named", async () => {
  await withRunner(async (run, directory) => {
    const file = join(directory, "junit.xml");
    run("--scenario", "passes,needs-kvm", "--junit", file);
    assert.match(await readFile(file, "utf8"), /<testsuite name="smoke" tests="2" failures="0" skipped="1">/);
  });
});
