// A patch on a terminal: through a pager that is left alone by what is meant for it, and without one harmless.
import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { GIT_IDENTITY, GuestWorld } from "../testing/guest-world.ts";
import { openScene, type Scene } from "../testing/run-cli.ts";

interface Terminal {
  readonly scene: Scene;
  readonly world: GuestWorld;
  readonly bin: string;
  diff(): ReturnType<Scene["cli"]>;
}

/** A workspace whose guest wrote `content`, and `less` as the script says; none without it. */
async function terminal(t: TestContext, content: string | Uint8Array, less?: string): Promise<Terminal> {
  const world = new GuestWorld(t);
  const scene = await openScene(world.script);
  t.after(() => scene[Symbol.asyncDispose]());
  await scene.cli(["vm", "workspace", "prepare", "api", world.repository], { env: GIT_IDENTITY });
  world.write("text", content, world.guest);
  const bin = join(world.directory, "bin");
  mkdirSync(bin);
  for (const program of ["git", "cat", "sh", "sleep"]) symlinkSync(which(program), join(bin, program));
  if (less !== undefined) {
    writeFileSync(join(bin, "less"), `#!${which("sh")}\n${less}\n`);
    chmodSync(join(bin, "less"), 0o755);
  }
  const env = { ...GIT_IDENTITY, PATH: bin, PAGED: join(world.directory, "paged") };
  const diff = () => scene.cli(["vm", "workspace", "diff", "api"], { env, isTerminal: { stdout: true } });
  return { scene, world, bin, diff };
}

function which(program: string): string {
  return execFileSync("sh", ["-c", 'command -v "$1"', "sh", program], { encoding: "utf8" }).trim();
}

const paged = ({ world }: Terminal) => readFileSync(join(world.directory, "paged"), "latin1");

test("the pager gets it in colours, and may only show it", async (t) => {
  const at = await terminal(t, "hello\n", 'echo "$LESS $LESSSECURE" >"$PAGED"; exec cat >>"$PAGED"');
  assert.deepEqual(await at.diff(), { status: 0, stdout: "", stderr: "" });
  assert.match(paged(at), /^FRX 1\n/);
  assert.ok(paged(at).endsWith("\x1b[32m+\x1b[m\x1b[32mhello\x1b[m\n"));
});

test("a pager that is left early ends it, whether its end or the broken pipe is seen first", async (t) => {
  for (const less of ["exit 0", "exec <&-; sleep 0.3"]) {
    const at = await terminal(t, "line\n".repeat(500_000), less);
    assert.deepEqual(await at.diff(), { status: 0, stdout: "", stderr: "" });
  }
});

test("Ctrl-C is the pager's: banger stays until that is left", async (t) => {
  const at = await terminal(t, "hello\n", 'cat >"$PAGED"; until [ -e "$PAGED.leave" ]; do sleep 0.01; done; echo left >"$PAGED.left"');
  const said = at.diff();
  // Nothing listens before there is a pager but what is over by then.
  for (;;) {
    await at.scene.signal("SIGQUIT");
    await at.scene.signal("SIGINT");
    if (existsSync(join(at.world.directory, "paged"))) break;
  }
  writeFileSync(join(at.world.directory, "paged.leave"), "");
  assert.deepEqual(await said, { status: 0, stdout: "", stderr: "" });
  assert.ok(existsSync(join(at.world.directory, "paged.left")));
  for (const name of ["SIGINT", "SIGQUIT", "SIGTERM", "SIGHUP"]) assert.equal(at.scene.signals.listenerCount(name), 0);
});

test("a git that Ctrl-C has ended is no failure; one that fails by itself is, once the pager is left", async (t) => {
  const less = 'cat >"$PAGED"; echo left >"$PAGED.left"';
  const wait = 'until [ -e "$PAGED.go" ]; do sleep 0.01; done';
  const failing = `case "$*" in *diff-tree*) ${wait}; echo broken >&2; exit 3;; esac; exec ${which("git")} "$@"`;
  for (const isInterrupted of [true, false]) {
    await t.test(isInterrupted ? "ended" : "failing", async (inner) => {
      const at = await terminal(inner, "hello\n", less);
      writeFileSync(join(at.bin, "failing"), `#!${which("sh")}\n${failing}\n`);
      chmodSync(join(at.bin, "failing"), 0o755);
      execFileSync("mv", [join(at.bin, "failing"), join(at.bin, "git")]);
      const said = at.diff();
      await at.scene.signal("SIGQUIT");
      if (isInterrupted) await at.scene.signal("SIGINT");
      writeFileSync(join(at.world.directory, "paged.go"), "");
      const { status, stderr } = await said;
      if (isInterrupted) assert.deepEqual([status, stderr], [0, ""]);
      else assert.match(stderr, /^error: git diff-tree failed: broken\n/);
      assert.ok(existsSync(join(at.world.directory, "paged.left")));
    });
  }
});

test("without a pager no control gets through, of either set, however it is cut", async (t) => {
  const evil = Buffer.concat([Buffer.from("a\x1b[31mb\x07\x9bc\u009b31md\u0085e\rf\x7fg\tü€\n"), Buffer.from([0x9b, 0x33, 0x0a])]);
  const at = await terminal(t, evil);
  const { status, stdout } = await at.diff();
  assert.equal(status, 0);
  assert.match(stdout, /\+a\?\[31mb\?/);
  assert.match(stdout, /g\tü€\n/);
  assert.doesNotMatch(stdout, /(?![\t\n])\p{Cc}/u);
});
