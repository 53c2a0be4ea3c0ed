// Signals while a command runs in a guest: they are the command's, and a guest that does not answer is left.
import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { BangerError } from "@banger/api";
import type { InputStream } from "../../deps.ts";
import { fakeExec, type FakeProgram } from "../../testing/fake-guest.ts";
import { openScene, type CliOptions, type Said, type Scene } from "../../testing/run-cli.ts";

const NOTE = "left: sleep may still be running in api.  look: banger vm show api   stop: banger vm stop api\n";
const LEFT = { status: 130, stdout: "", stderr: `ready\n${NOTE}` };

type Ping = () => Promise<Record<string, never>>;
const answers: Ping = () => Promise.resolve({});
const isMute: Ping = () => new Promise(() => undefined);
const isPaused: Ping = () => Promise.reject(new BangerError("host.disk_full", "the guest is paused"));

/** A guest whose command says `ready`, runs `program` and then goes on until it is hung up on. */
function commandScene(ping: Ping, program: (guest: FakeProgram) => void = () => undefined): Promise<Scene> {
  return openScene({
    vmExec: () => ({ id: "e1" }),
    vmPing: ping,
    execAttach: fakeExec(async (guest) => {
      guest.err("ready\n");
      program(guest);
      await guest.hungUp;
      return "vanish" as const;
    }),
  });
}

/** Runs `sleep` and calls `then` once it is ready. */
async function sleep(scene: Scene, then: () => void, options: CliOptions = {}): Promise<Said> {
  let isReady = false;
  const onStderr = (soFar: string) => {
    if (isReady || !soFar.includes("ready")) return;
    isReady = true;
    setImmediate(then);
  };
  return await scene.cli(["vm", "exec", "api", "--", "sleep", "9"], { stdin: new PassThrough(), onStderr, ...options });
}

test("signals are the command's", async () => {
  const seen: string[] = [];
  await using scene = await openScene({
    vmExec: () => ({ id: "e1" }),
    vmPing: answers,
    execAttach: fakeExec(async (guest) => {
      guest.err("ready\n");
      while (seen.length < 2) seen.push((await guest.control("signal")).signal);
      return { signal: "INT", number: 2 };
    }),
  });
  const said = await sleep(scene, () => {
    for (const name of ["SIGTERM", "SIGHUP"]) scene.signals.emit(name, name);
  });
  assert.deepEqual({ ...said, seen }, { status: 130, stdout: "", stderr: "ready\n", seen: ["TERM", "HUP"] });
});

test("the third Ctrl-C in a row leaves a command that lives and ignores them", async () => {
  await using scene = await commandScene(answers);
  const interrupts = () => {
    for (let count = 0; count < 3; count += 1) scene.signals.emit("SIGINT", "SIGINT");
  };
  assert.deepEqual(await sleep(scene, interrupts), LEFT);
});

test("the second Ctrl-C leaves a guest that does not answer", async () => {
  await using scene = await commandScene(isMute);
  const interrupts = () => {
    for (let count = 0; count < 2; count += 1) scene.signals.emit("SIGINT", "SIGINT");
  };
  assert.deepEqual(await sleep(scene, interrupts), LEFT);
});

test("a SIGTERM leaves a guest that cannot answer", async () => {
  await using scene = await commandScene(isPaused);
  assert.deepEqual(await sleep(scene, () => scene.signals.emit("SIGTERM", "SIGTERM")), { ...LEFT, status: 143 });
});

test("output is a sign of life: what comes after the first Ctrl-C makes the next one a first again", async () => {
  await using scene = await commandScene(isPaused, (guest) => {
    const stubborn = async () => {
      for (let count = 1; count <= 2; count += 1) {
        await guest.control("signal");
        guest.err(`no ${count}\n`);
      }
    };
    void stubborn();
  });
  const asked: string[] = [];
  const onStderr = (soFar: string) => {
    for (const word of ["ready", "no 1"]) {
      if (!soFar.includes(word) || asked.includes(word)) continue;
      asked.push(word);
      setImmediate(() => scene.signals.emit("SIGINT", "SIGINT"));
    }
    if (soFar.includes("no 2") && !asked.includes("no 2")) {
      asked.push("no 2");
      setImmediate(() => scene.signals.emit("SIGTERM", "SIGTERM"));
    }
  };
  const { status, stderr } = await scene.cli(["vm", "exec", "api", "--", "sleep", "9"], { stdin: new PassThrough(), onStderr });
  assert.deepEqual({ status, asked, left: stderr.endsWith(NOTE) }, { status: 143, asked: ["ready", "no 1", "no 2"], left: true });
});

test("on a terminal the first Ctrl-C tells what is the matter, the second leaves, and the terminal is given back", async () => {
  await using scene = await commandScene(isPaused);
  const raw: boolean[] = [];
  const stdin = Object.assign(new PassThrough(), { setRawMode: (isRaw: boolean) => raw.push(isRaw) }) as unknown as InputStream &
    PassThrough;
  let keys = 0;
  const press = (soFar: string) => {
    const wanted = soFar.includes("again leaves it") ? 2 : soFar.includes("ready") ? 1 : 0;
    for (; keys < wanted; keys += 1) setImmediate(() => stdin.write("\u0003"));
  };
  const isTerminal = { stdin: true, stdout: true, stderr: true };
  const said = await scene.cli(["vm", "exec", "api", "--", "sleep", "9"], { stdin, isTerminal, onStderr: press });
  const remark = "\r\n! the guest does not answer (the guest is paused): Ctrl-C again leaves it\r\n";
  assert.deepEqual(said, { status: 130, stdout: "", stderr: `ready\n${remark}${NOTE}` });
  assert.deepEqual(raw, [true, false]);
});

test("before the command has started, the first Ctrl-C leaves", async () => {
  await using waiting = await openScene({ vmExec: () => new Promise(() => undefined) });
  const early = waiting.cli(["vm", "exec", "api", "--", "sleep", "9"]);
  await waiting.signal("SIGINT");
  assert.deepEqual(await early, { status: 130, stdout: "", stderr: "cancelled: sleep was not started in api\n" });
  const attached = Promise.withResolvers<void>();
  await using scene = await openScene({ vmExec: () => ({ id: "e1" }), execAttach: () => attached.resolve() });
  const said = scene.cli(["vm", "exec", "api", "--", "sleep", "9"], { stdin: new PassThrough() });
  await attached.promise;
  await scene.signal("SIGTERM");
  assert.equal((await said).status, 143);
});
