// The scripts as a real shell runs them, with a mise that is a script of the test's.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { IN_BACKGROUND, IN_FOREGROUND, INSTALL, NO_LOG, SHOW } from "./scripts.ts";

class Guest implements Disposable {
  readonly home = mkdtempSync(join(tmpdir(), "banger-tools-"));
  readonly repo = join(this.home, "a repo");
  readonly log = join(this.home, ".cache/banger/vm-run-tooling-repo.log");

  constructor() {
    mkdirSync(this.repo);
    mkdirSync(join(this.home, "bin"));
    // A login shell sets PATH anew.
    writeFileSync(join(this.home, ".profile"), `PATH="${join(this.home, "bin")}:$PATH"\n`);
  }

  program(name: string, text: string): void {
    writeFileSync(join(this.home, "bin", name), `#!/bin/sh\n${text}`);
    chmodSync(join(this.home, "bin", name), 0o755);
  }

  run(script: string, ...args: readonly string[]) {
    const env = { HOME: this.home, PATH: `${join(this.home, "bin")}:/usr/bin:/bin` };
    const { status, stdout, stderr } = spawnSync("sh", ["-c", script, "sh", ...args], { env, encoding: "utf8" });
    return { status, stdout, stderr };
  }

  install(script = IN_FOREGROUND) {
    return this.run(script, this.repo, this.log, INSTALL, "banger-tooling-test");
  }

  [Symbol.dispose](): void {
    rmSync(this.home, { recursive: true, force: true });
  }
}

test("all tools at once; what is said is shown and logged", () => {
  using guest = new Guest();
  guest.program("mise", 'echo "$PWD: $*"');
  const { status, stdout, stderr } = guest.install();
  assert.equal(status, 0);
  assert.equal(stdout, "");
  const wanted = `banger: mise installs what ${guest.repo} names\n${guest.repo}: install\nbanger: all tools are there\n`;
  assert.equal(stderr, wanted);
  assert.equal(readFileSync(guest.log, "utf8"), wanted);
  assert.ok(!existsSync(`${guest.log}.sh`) && !existsSync(`${guest.log}.status`));
});

const ONE_FAILS = `case "$*" in
  install) echo "mise ERROR all of it"; exit 1;;
  "ls --current --missing --no-header") echo "good 1.2  ~/repo/mise.toml"; echo "bad 3 ~/repo/mise.toml";;
  "install good@1.2") echo "good is there";;
  "install bad@3") echo "no network" >&2; exit 1;;
esac`;

test("a tool that fails keeps no other out, and is named", () => {
  using guest = new Guest();
  guest.program("mise", ONE_FAILS);
  const { status, stderr } = guest.install();
  assert.equal(status, 1);
  assert.match(stderr, /good is there\nno network\nbanger: not all tools are there: bad@3\n$/);
});

test("a configuration that mise cannot read, and an image without mise, are told", () => {
  using guest = new Guest();
  guest.program("mise", "exit 1");
  assert.match(guest.install().stderr, /banger: not all tools are there: mise says why above\n$/);
  rmSync(join(guest.home, "bin/mise"));
  const none = guest.install();
  assert.equal(none.status, 1);
  assert.match(none.stderr, /this image has no mise/);
});

test("in the background it outlives the shell that began it, whose output is not held open", async () => {
  using guest = new Guest();
  guest.program("systemd-run", "exit 1");
  guest.program("mise", '[ "$1" != install ] || until [ -e "$HOME/go" ]; do sleep 0.05; done');
  const begun = guest.install(IN_BACKGROUND);
  assert.deepEqual(begun, { status: 0, stdout: "", stderr: "" });
  writeFileSync(join(guest.home, "go"), "");
  const read = () => (existsSync(guest.log) ? readFileSync(guest.log, "utf8") : "");
  for (const deadline = performance.now() + 30_000; !read().includes("all tools are there") && performance.now() < deadline;)
    await delay(20);
  assert.match(read(), /^banger: mise installs what/);
});

test("the log is shown; without one a status of its own says so", () => {
  using guest = new Guest();
  assert.equal(guest.run(SHOW, "").status, NO_LOG);
  guest.program("mise", "true");
  guest.install();
  assert.match(guest.run(SHOW, "").stdout, /all tools are there/);
});
