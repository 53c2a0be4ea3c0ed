// The real program in a process of its own: pipes, signals, a terminal, and the bundle.
import assert from "node:assert/strict";
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { build } from "esbuild";
import { fakeImage } from "./testing/fixtures.ts";
import { fakeExec, type FakeProgram } from "./testing/fake-guest.ts";
import { openScene, type Scene } from "./testing/run-cli.ts";

const MAIN = join(import.meta.dirname, "main.ts");
type Ending = Awaited<ReturnType<Parameters<typeof fakeExec>[0]>>;

function guestScene(program: (guest: FakeProgram) => Ending | Promise<Ending>): Promise<Scene> {
  return openScene({ vmExec: () => ({ id: "e1" }), execAttach: fakeExec(program) });
}

// As root the paths are not the scene's by home alone: the socket is named.
function shell(scene: Scene, line: string): ChildProcess {
  const env = { ...scene.env, BANGER: `${process.execPath} ${MAIN}`, BANGER_SOCKET: scene.daemon?.socketPath ?? "" };
  return spawn("bash", ["-c", line], { env, stdio: ["pipe", "pipe", "pipe"] });
}

async function ended(child: ChildProcess): Promise<{ readonly status: number | null; readonly stdout: string; readonly stderr: string }> {
  const chunks = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  child.stdout?.on("data", (chunk: Buffer) => chunks.stdout.push(chunk));
  child.stderr?.on("data", (chunk: Buffer) => chunks.stderr.push(chunk));
  const [status] = (await once(child, "close")) as [number | null];
  return { status, stdout: Buffer.concat(chunks.stdout).toString(), stderr: Buffer.concat(chunks.stderr).toString() };
}

test("a mebibyte at exit survives a pipe with a slow reader", async () => {
  await using scene = await guestScene((guest) => {
    guest.out(Buffer.alloc(1024 * 1024, "x"));
    return { status: 9 };
  });
  const said = await ended(shell(scene, "$BANGER vm exec api -- big < /dev/null | { sleep 0.3; wc -c; }; echo ${PIPESTATUS[0]}"));
  assert.equal(said.stdout, "1048576\n9\n");
});

test("a reader that leaves early ends it quietly with 141", async () => {
  await using scene = await guestScene(async (guest) => {
    const timer = setInterval(() => guest.out("y\n".repeat(1000)), 5);
    await guest.hungUp;
    clearInterval(timer);
    return { status: 0 };
  });
  const said = await ended(shell(scene, "$BANGER vm exec api -- yes < /dev/null | head -n 1; echo ${PIPESTATUS[0]}"));
  assert.deepEqual(said, { status: 0, stdout: "y\n141\n", stderr: "" });
});

test("stdin piped, stdin closed, output closed", async (t) => {
  const cases = [
    ["printf 'a b' | $BANGER vm exec api -- wc", 0, "3"],
    ["$BANGER vm exec api -- wc <&-", 0, "0"],
    ["printf abc | $BANGER vm exec api -- wc 2>&-", 0, "3"],
  ] as const;
  for (const [line, status, stdout] of cases) {
    await t.test(line, async () => {
      await using scene = await guestScene(async (guest) => {
        guest.out(String((await guest.stdin).length));
        return { status: 0 };
      });
      assert.deepEqual(await ended(shell(scene, line)), { status, stdout, stderr: "" });
    });
  }
});

test("a signal to banger is the command's; its end by a signal is 128 + N", async () => {
  const child = Promise.withResolvers<ChildProcess>();
  await using scene = await guestScene(async (guest) => {
    const banger = await child.promise;
    guest.out("ready\n");
    await once(banger.stdout ?? banger, "data");
    banger.kill("SIGTERM");
    const { signal } = await guest.control("signal");
    return { signal, number: 15 };
  });
  const banger = shell(scene, "exec $BANGER vm exec api -- sleep 9");
  child.resolve(banger);
  assert.deepEqual(await ended(banger), { status: 143, stdout: "ready\n", stderr: "" });
});

function hasScript(t: TestContext): boolean {
  if (spawnSync("script", ["--version"]).error === undefined) return true;
  t.skip("script (util-linux) is not installed");
  return false;
}

test("a terminal: its size, its resizes, raw keys; restored at the end", async (t) => {
  if (!hasScript(t)) return;
  await using scene = await guestScene(async (guest) => {
    guest.out("guest ready\r\n");
    await guest.untilStdin("\u0003");
    writeFileSync(join(scene.home, "resize"), "");
    // stty sets one after the other, and each is a resize.
    let { cols, rows } = await guest.control("resize");
    while (cols !== 100 || rows !== 30) ({ cols, rows } = await guest.control("resize"));
    guest.out(`resized to ${cols}x${rows}\r\n`);
    return { status: 5 };
  });
  const resize = `{ until [ -e ${scene.home}/resize ]; do sleep 0.02; done; stty cols 100 rows 30 < /dev/tty; } &`;
  const inside = `stty rows 40 cols 120; ${resize} ${process.execPath} ${MAIN} vm exec api -- bash; echo status $?; stty -a | grep -oE -- '-?icanon'`;
  const env = { ...scene.env, BANGER_SOCKET: scene.daemon?.socketPath ?? "", TERM: "xterm" };
  const script = spawn("script", ["-qec", inside, "/dev/null"], { env, stdio: ["pipe", "pipe", "pipe"] });
  script.stdout.on("data", (chunk: Buffer) => {
    // In raw mode Ctrl-C is a byte for the guest; else it would end banger.
    if (chunk.includes("guest ready")) script.stdin.write("\u0003");
  });
  const { stdout } = await ended(script);
  assert.deepEqual((scene.daemon?.bodies[0] as { readonly tty: unknown } | undefined)?.tty, { cols: 120, rows: 40, term: "xterm" });
  assert.match(stdout, /resized to 100x30\r\n/);
  assert.match(stdout, /status 5\r\n/);
  assert.match(stdout, /^icanon/m);
});

test("progress on a terminal is redrawn and gone when done; what matters stays", async (t) => {
  if (!hasScript(t)) return;
  await using scene = await openScene({
    imageShow: () => fakeImage(),
    imagePull: ({ emit }) => {
      emit({ type: "warning", code: "x", message: "the mirror is slow" });
      emit({ type: "stage.started", stage: "packages", atMs: 0 });
      emit({ type: "stage.progress", stage: "packages", done: 12, total: 321, unit: "packages", atMs: 0 });
      throw new Error("boom");
    },
  });
  const env = { ...scene.env, BANGER_SOCKET: scene.daemon?.socketPath ?? "", TERM: "xterm", NO_COLOR: "1" };
  const script = spawn("script", ["-qec", `stty rows 24 cols 80; ${process.execPath} ${MAIN} image pull debian-bookworm`, "/dev/null"], {
    env,
  });
  const { status, stdout } = await ended(script);
  assert.equal(status, 1);
  assert.match(stdout, /! the mirror is slow\r\n/);
  assert.match(stdout, /12 of 321 packages/);
  // Erased before the error is told: nothing but control sequences between.
  assert.match(stripVTControlCharacters(stdout), /! the mirror is slow\r\n[^]*\r\nerror: Error: boom\r\n$/);
  assert.ok(stdout.lastIndexOf("\u001b[2K") > stdout.lastIndexOf("12 of 321 packages"));
});

test("the program bundles to one CommonJS file that runs", async () => {
  await using scene = await openScene({ vmList: () => [] });
  const outfile = join(scene.home, "lib/banger.cjs");
  await build({
    entryPoints: [MAIN],
    outfile,
    bundle: true,
    platform: "node",
    target: "node24",
    format: "cjs",
    define: { "import.meta.dirname": "__dirname" },
    logLevel: "silent",
  });
  assert.ok(existsSync(outfile));
  const child = spawn(process.execPath, [outfile, "vm", "list", "--json"], {
    env: { ...scene.env, BANGER_SOCKET: scene.daemon?.socketPath ?? "" },
  });
  assert.deepEqual(await ended(child), { status: 0, stdout: "[]\n", stderr: "" });
});
