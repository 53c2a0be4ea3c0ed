// What every agent must do for the client: run against the fake agent always, against the real one in a VM where there is one.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import type { Duplex } from "node:stream";
import { buffer } from "node:stream/consumers";
import { setImmediate as turn, setTimeout as delay } from "node:timers/promises";
import { encodeControl, encodeData, FRAME, type ExecBody } from "@banger/api";
import { poll } from "@banger/host";
import type { GuestClient, GuestEvent } from "./contract.ts";
import { fileTests, tearUploads } from "./files-contract-suite.ts";
import { treeTests } from "./tree-contract-suite.ts";
import { execResult, execText } from "./exec-result.test-support.ts";

/** A running, configured guest. */
export interface GuestUnderTest extends AsyncDisposable {
  /** A new connection; the former one may still be open and is cut off where the channel takes one at a time. */
  connect(): Promise<GuestClient>;
  /** Cuts the latest connection's byte stream, without a word. */
  cut(): void;
  /** Listens inside the guest: echoes, and at the peer's end says `bye` and ends. Answers its address. */
  echoServer(client: GuestClient): Promise<string>;
}

const MIB = 1024 * 1024;
type Spec = Omit<ExecBody, "wait"> & { readonly stdin: boolean };
const sh = (line: string, extra: Partial<Spec> = {}): Spec => ({ argv: ["sh", "-c", line], login: false, stdin: false, ...extra });

export interface ContractOptions {
  readonly hasTerminals: boolean;
}

export function guestClientContract(name: string, boot: () => Promise<GuestUnderTest>, { hasTerminals }: ContractOptions): void {
  describe(`GuestClient with ${name}`, () => {
    let guest: GuestUnderTest;
    let client: GuestClient;
    before(async () => {
      guest = await boot();
      client = await guest.connect();
    });
    after(async () => {
      await client[Symbol.asyncDispose]();
      await guest[Symbol.asyncDispose]();
    });

    test("health", async () => {
      const health = await client.health();
      assert.equal(health.protocol, 1);
      assert.equal(health.stage, "running");
      assert.ok(health.readiness.includes("agent"));
      assert.match(health.bootId, /^[0-9a-f-]{36}$/);
    });

    execTests(() => client);
    commandStreamTests(() => client);
    if (hasTerminals) terminalTest(() => client);
    streamTests(
      () => client,
      () => guest,
    );
    fileTests(() => client);
    treeTests(() => client);
    controlTests(() => client);

    test("an upload whose connection is cut leaves nothing, and the next one is whole", { timeout: 120_000 }, async () => {
      client = await tearUploads(client, guest);
    });

    test("20 reconnects, every second one cut mid-stream", { timeout: 120_000 }, async () => {
      const { bootId } = await client.health();
      for (let round = 0; round < 20; round += 1) {
        const zeros = await client.exec(sh("cat /dev/zero"));
        const broken = new Promise<NodeJS.ErrnoException>((resolve) => zeros.once("error", resolve));
        await new Promise((resolve) => zeros.once("readable", resolve));
        if (round % 2 === 0) guest.cut();
        else await client[Symbol.asyncDispose]();
        assert.equal((await broken).code, "guest.unreachable");
        await client.closed;
        await assert.rejects(client.health(), { code: "guest.unreachable" });
        client = await guest.connect();
        assert.equal((await client.health()).bootId, bootId);
        assert.equal(await execText(await client.exec(sh(`echo round ${round}`))), `round ${round}\n`);
      }
    });
  });
}

function execTests(client: () => GuestClient): void {
  test("exit statuses and signals", async () => {
    for (const status of [0, 1, 42, 255]) {
      assert.deepEqual((await execResult(await client().exec(sh(`exit ${status}`)))).last, { type: "exit", status });
    }
    assert.deepEqual((await execResult(await client().exec(sh("kill -KILL $$")))).last, { type: "exit", signal: "KILL", number: 9 });
  });

  test("argv is carried as argv; output and errors stay apart", async () => {
    const words = ["a b", "", "$HOME", "'\"\n", "ü"];
    const spec = { argv: ["printf", "<%s>", ...words], stdin: false };
    assert.equal(await execText(await client().exec(spec)), words.map((word) => `<${word}>`).join(""));
    const result = await execResult(await client().exec(sh("echo out; echo err >&2")));
    assert.deepEqual([result.stdout.toString(), result.stderr.toString()], ["out\n", "err\n"]);
  });

  test("environment, directory and a missing one", async () => {
    assert.equal(await execText(await client().exec(sh('echo "$MINE $PWD"', { env: { MINE: "yes" }, cwd: "/tmp" }))), "yes /tmp\n");
    const missing = await execResult(await client().exec(sh("true", { cwd: "/no/such" })));
    assert.equal(missing.last.type === "failed" && missing.last.code, "no_cwd");
  });

  test("a command that is not there", async () => {
    const direct = await execResult(await client().exec({ argv: ["no-such-command"], login: false, stdin: false }));
    assert.equal(direct.last.type === "failed" && direct.last.code, "not_found");
    const login = await execResult(await client().exec({ argv: ["no-such-command"], login: true, stdin: false }));
    assert.deepEqual(login.last, { type: "exit", status: 127 });
  });
}

function commandStreamTests(client: () => GuestClient): void {
  test("stdin through a pipe and back, then its end", async () => {
    const data = randomBytes(3 * MIB);
    const stream = await client().exec({ argv: ["cat"], stdin: true });
    const result = execResult(stream);
    for (const frame of encodeData(FRAME.stdin, data)) {
      if (!stream.write(frame)) await new Promise((resolve) => stream.once("drain", resolve));
    }
    stream.write(encodeControl({ type: "eof" }));
    assert.ok((await result).stdout.equals(data));
    assert.deepEqual((await result).last, { type: "exit", status: 0 });
  });

  test("1 MiB written just before exit reaches a slow reader", async () => {
    const stream = await client().exec(sh(`head -c ${MIB} /dev/zero; exit 7`));
    const result = await execResult(stream, () => turn());
    assert.equal(result.stdout.length, MIB);
    assert.deepEqual(result.last, { type: "exit", status: 7 });
  });

  test("a signal reaches the process group", async () => {
    const stream = await client().exec(sh("trap 'echo caught; exit 3' INT; echo up; while :; do sleep 0.1; done"));
    await new Promise((resolve) => stream.once("readable", resolve));
    const result = execResult(stream, undefined, (so) => {
      if (so.includes("up") && !so.includes("caught")) stream.write(encodeControl({ type: "signal", signal: "INT" }));
    });
    assert.deepEqual((await result).last, { type: "exit", status: 3 });
  });

  test("hanging up ends the command", async () => {
    const stream = await client().exec(sh("echo $$; exec sleep 1000"));
    const pid = await firstOutput(stream);
    stream.destroy();
    const gone = async () =>
      ((await execResult(await client().exec(sh(`kill -0 ${pid}`)))).last as { status?: number }).status !== 0 || undefined;
    assert.ok(await poll(gone, { timeoutMs: 10_000, intervalMs: 100 }));
  });
}

function terminalTest(client: () => GuestClient): void {
  test("a terminal with its size", async () => {
    const stream = await client().exec(
      sh("tty; stty size; echo $TERM", { tty: { cols: 100, rows: 30, term: "xterm-256color" }, stdin: true }),
    );
    const { stdout, last } = await execResult(stream);
    assert.match(stdout.toString(), /^\/dev\/pts\/\d+\r\n30 100\r\nxterm-256color\r\n$/);
    assert.deepEqual(last, { type: "exit", status: 0 });
  });
}

function streamTests(client: () => GuestClient, guest: () => GuestUnderTest): void {
  test("100 commands at once", { timeout: 120_000 }, async () => {
    const texts = await Promise.all(Array.from({ length: 100 }, async (_, n) => execText(await client().exec(sh(`echo ${n}`)))));
    assert.deepEqual(
      texts,
      Array.from({ length: 100 }, (_, n) => `${n}\n`),
    );
  });

  test("output nobody reads does not hold up anybody else", { timeout: 60_000 }, async () => {
    const stalled = await Promise.all(Array.from({ length: 4 }, () => client().exec(sh("cat /dev/zero"))));
    assert.equal(await execText(await client().exec(sh("echo through"))), "through\n");
    for (const stream of stalled) stream.destroy();
  });

  test("input nobody reads does not hold up anybody else", { timeout: 60_000 }, async () => {
    const stalled = await Promise.all(Array.from({ length: 4 }, () => client().exec(sh("exec sleep 1000", { stdin: true }))));
    for (const stream of stalled) for (const frame of encodeData(FRAME.stdin, Buffer.alloc(4 * MIB))) stream.write(frame);
    await standstill(stalled);
    assert.equal(await execText(await client().exec(sh("echo through"))), "through\n");
    for (const stream of stalled) stream.destroy();
  });

  test("dial keeps half-close both ways", async () => {
    const address = await guest().echoServer(client());
    const stream = await client().dial("tcp", address);
    const data = randomBytes(MIB);
    const received = buffer(stream);
    stream.end(data);
    const answer = await received;
    assert.ok(answer.subarray(0, MIB).equals(data));
    assert.equal(answer.subarray(MIB).toString(), "bye");
  });

  test("dial where nobody listens", async () => {
    await assert.rejects(client().dial("tcp", "127.0.0.1:1"), { code: "guest.unreachable", message: /127\.0\.0\.1:1/ });
    await assert.rejects(client().dial("unix", "/no/such.sock"), { code: "guest.unreachable" });
    assert.equal((await client().health()).protocol, 1);
  });
}

function controlTests(client: () => GuestClient): void {
  test("events replay what happened and follow until told to stop", async () => {
    for (let round = 0; round < 2; round += 1) {
      const stop = new AbortController();
      const seen: GuestEvent[] = [];
      for await (const event of client().events(stop.signal)) {
        seen.push(event);
        if (event.type === "readiness") stop.abort();
      }
      assert.equal(seen.at(-1)?.type, "readiness");
    }
    assert.equal((await client().health()).protocol, 1);
  });

  test("stats and clock", async () => {
    const stats = await client().stats();
    assert.ok(stats.memoryTotalBytes > stats.memoryAvailableBytes && stats.diskTotalBytes > 0);
    await client().setClock(Date.now());
  });

  test("a second configure is refused with the agent's words", () =>
    assert.rejects(client().configure({} as Parameters<GuestClient["configure"]>[0]), { code: "guest.configure_failed" }));
}

/** Waits until the streams have taken nothing for half a second. */
async function standstill(streams: readonly Duplex[]): Promise<void> {
  for (let last = -1, now = 0; last !== now;) {
    last = now;
    await delay(500);
    now = streams.reduce((sum, stream) => sum + stream.writableLength, 0);
  }
}

/** The first line a command prints. */
async function firstOutput(stream: Duplex): Promise<string> {
  return new Promise((resolve) => {
    void execResult(stream, undefined, (stdout) => {
      if (stdout.includes("\n")) resolve(stdout.split("\n")[0] ?? "");
    }).catch(() => undefined);
  });
}
