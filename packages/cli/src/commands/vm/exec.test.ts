// A command in a guest: its output, its input, its status, and banger's own failures told apart from them.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Writable } from "node:stream";
import { test } from "node:test";
import { BangerError, resolvePaths } from "@banger/api";
import type { OutputStream } from "../../deps.ts";
import { fakeExec, type FakeProgram } from "../../testing/fake-guest.ts";
import { fakeVm } from "../../testing/fixtures.ts";
import { openScene } from "../../testing/run-cli.ts";

type Ending = Awaited<ReturnType<Parameters<typeof fakeExec>[0]>>;

function guestScene(program: (guest: FakeProgram) => Ending | Promise<Ending>) {
  return openScene({ vmExec: () => ({ id: "e1" }), execAttach: fakeExec(program) });
}

test("output and status come through", async () => {
  await using scene = await guestScene((guest) => {
    guest.out("to stdout\n");
    guest.err("to stderr\n");
    return { status: 42 };
  });
  assert.deepEqual(await scene.cli(["vm", "exec", "api", "--", "sh", "-c", "exit 42"]), {
    status: 42,
    stdout: "to stdout\n",
    stderr: "to stderr\n",
  });
  assert.deepEqual(scene.daemon?.calls, ["vmExec api", "execAttach e1"]);
  assert.deepEqual(scene.daemon?.bodies, [{ argv: ["sh", "-c", "exit 42"], login: true }]);
});

const LOST = "error: the connection to the guest ended before nosuch told its status";

test("the ends of a command and what they are to a shell", async (t) => {
  const cases: readonly (readonly [Ending, status: number, stderr: string])[] = [
    [{ status: 0 }, 0, ""],
    [{ status: 255 }, 255, ""],
    [{ signal: "KILL", number: 9 }, 137, ""],
    [{ signal: "TERM", number: 15 }, 143, ""],
    [{ failed: "not_found" }, 127, "nosuch: command not found\n"],
    [{ failed: "not_executable" }, 126, "nosuch: not executable\n"],
    [{ failed: "no_cwd" }, 125, "error: nosuch could not be run in the guest: the guest's words\n"],
    [{ failed: "no_user" }, 125, "error: nosuch could not be run in the guest: the guest's words\n"],
    [{ failed: "guest_lost" }, 125, `${LOST}: the guest's words\n  try: banger vm list\n`],
    ["vanish", 125, `${LOST}\n  try: banger vm list\n`],
  ];
  for (const [ending, status, stderr] of cases) {
    await t.test(JSON.stringify(ending), async () => {
      await using scene = await guestScene(() => ending);
      assert.deepEqual(await scene.cli(["vm", "exec", "api", "--", "nosuch"]), { status, stdout: "", stderr });
    });
  }
});

test("banger's own failure is 125, not the command's", async () => {
  await using scene = await openScene({
    vmExec: () => {
      throw new BangerError("vm.not_running", "api is stopped", { hint: "banger vm start api", operationId: "91c2" });
    },
  });
  assert.deepEqual(await scene.cli(["vm", "exec", "api", "--", "true"]), {
    status: 125,
    stdout: "",
    stderr: `error: api is stopped\n${"  try: banger vm start api".padEnd(88)}[op 91c2]\n`,
  });
});

test("a mebibyte written just before the exit is not lost, to a slow reader neither", async () => {
  const data = Buffer.alloc(1024 * 1024, "0123456789abcdef");
  await using scene = await guestScene((guest) => {
    guest.out(data);
    return { status: 3 };
  });
  const chunks: Buffer[] = [];
  const slow = new Writable({
    highWaterMark: 1024,
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      setImmediate(done);
    },
  }) as OutputStream;
  const said = await scene.cli(["vm", "exec", "api", "--", "cat", "big"], { stdout: slow });
  assert.equal(said.status, 3);
  assert.ok(Buffer.concat(chunks).equals(data));
});

test("stdin arrives whole, then its end", async () => {
  const input = "line\n".repeat(100_000);
  await using scene = await guestScene(async (guest) => {
    const received = await guest.stdin;
    guest.out(`${received.length} ${received.toString() === input}`);
    return { status: 0 };
  });
  assert.deepEqual(await scene.cli(["vm", "exec", "api", "--", "wc"], { stdin: input }), { status: 0, stdout: "500000 true", stderr: "" });
});

test("--no-stdin leaves ours alone: the command reads end of file at once", async () => {
  await using scene = await guestScene(async (guest) => {
    guest.out(`${(await guest.stdin).length}`);
    return { status: 0 };
  });
  const stdin = new PassThrough();
  stdin.write("for somebody else");
  assert.equal((await scene.cli(["vm", "exec", "api", "-n", "--", "wc"], { stdin })).stdout, "0");
  assert.equal(String(stdin.read()), "for somebody else");
});

test("a command that ends while stdin stays open ends banger", async () => {
  await using scene = await guestScene(() => ({ status: 7 }));
  assert.equal((await scene.cli(["vm", "exec", "api", "--", "true"], { stdin: new PassThrough() })).status, 7);
});

test("input that nobody reads any more does not hide the status", async () => {
  await using scene = await guestScene(() => ({ status: 4 }));
  const said = await scene.cli(["vm", "exec", "api", "--", "head", "-1"], { stdin: "line\n".repeat(400_000) });
  assert.deepEqual(said, { status: 4, stdout: "", stderr: "" });
});

test("a reader that has gone hangs the command up: 141, as a shell tells it", async () => {
  const hungUp = Promise.withResolvers<void>();
  await using scene = await guestScene(async (guest) => {
    guest.out("y\n");
    await guest.hungUp;
    hungUp.resolve();
    return { status: 0 };
  });
  const closed = new Writable({
    write: (_chunk, _encoding, done) => done(Object.assign(new Error("write EPIPE"), { code: "EPIPE" })),
  }) as OutputStream;
  closed.on("error", () => undefined);
  const said = await scene.cli(["vm", "exec", "api", "--", "yes"], { stdout: closed });
  assert.deepEqual({ status: said.status, stderr: said.stderr }, { status: 141, stderr: "" });
  await hungUp.promise;
});

test("a terminal is asked for when all three streams are one, or with -t; -T refuses it", async (t) => {
  const whole = { stdin: true, stdout: true, stderr: true };
  const cases: readonly (readonly [flags: readonly string[], isTerminal: Partial<typeof whole>, tty: boolean])[] = [
    [[], whole, true],
    [[], { ...whole, stderr: false }, false],
    [[], { ...whole, stdout: false }, false],
    [[], {}, false],
    [["-t"], {}, true],
    [["-T"], whole, false],
  ];
  for (const [flags, isTerminal, tty] of cases) {
    await t.test(`${flags.join(" ")} ${JSON.stringify(isTerminal)}`, async () => {
      await using scene = await guestScene(() => ({ status: 0 }));
      await scene.cli(["vm", "exec", "api", ...flags, "--", "bash"], { isTerminal, env: { TERM: "xterm-256color" } });
      const [body] = scene.daemon?.bodies ?? [];
      assert.deepEqual((body as { readonly tty?: unknown }).tty, tty ? { cols: 80, rows: 24, term: "xterm-256color" } : undefined);
    });
  }
});

test("user, directory and variables are the command's", async () => {
  await using scene = await guestScene(() => ({ status: 0 }));
  await scene.cli(["vm", "exec", "api", "--user", "nobody", "-w", "/srv", "-e", "A=1", "--env", "B=x=y", "--", "env"]);
  assert.deepEqual(scene.daemon?.bodies, [{ argv: ["env"], login: true, user: "nobody", cwd: "/srv", env: { A: "1", B: "x=y" } }]);
});

test("in a VM with a workspace commands run there, unless told otherwise", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "banger-exec-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const git = (...args: string[]) =>
    execFileSync("git", ["-C", directory, "-c", "user.name=A", "-c", "user.email=a@b", ...args], { encoding: "utf8" });
  git("init", "--quiet");
  git("commit", "--quiet", "--allow-empty", "--message=one");
  const head = git("rev-parse", "HEAD").trim();
  await using scene = await openScene({
    vmShow: () => fakeVm(),
    vmExec: () => ({ id: "e1" }),
    execAttach: fakeExec(() => ({ status: 0 })),
  });
  const { stateDir } = resolvePaths({ uid: 1000, home: scene.home, env: scene.env });
  const names = join(stateDir, "workspaces/.by-name");
  mkdirSync(names, { recursive: true });
  const place = { vmId: fakeVm().id, socket: scene.daemon?.socketPath, top: directory, guestPath: "/root/repo", head };
  const tell = (over: object) => writeFileSync(join(names, "sandbox.json"), JSON.stringify({ ...place, ...over }));
  const cwd = async (...flags: string[]) => {
    const { stderr } = await scene.cli(["vm", "exec", "sandbox", ...flags, "--", "true"]);
    const body = scene.daemon?.bodies.at(-1) as { readonly cwd?: string } | undefined;
    return [body?.cwd, stderr];
  };
  tell({});
  assert.deepEqual(await cwd(), ["/root/repo", ""]);
  assert.deepEqual(await cwd("--cwd", "/srv"), ["/srv", ""]);
  assert.deepEqual(await cwd("--user", "nobody"), [undefined, ""]);
  git("commit", "--quiet", "--allow-empty", "--message=two");
  assert.deepEqual(await cwd(), [
    "/root/repo",
    `! ${directory} is 1 commit ahead of the copy in sandbox.  bring them: banger vm workspace prepare sandbox\n`,
  ]);
  assert.deepEqual(await cwd("--quiet"), ["/root/repo", ""]);
  tell({ vmId: "another" });
  assert.deepEqual(await cwd(), [undefined, ""]);
  tell({ socket: "/another" });
  assert.deepEqual(await cwd(), [undefined, ""]);
});
