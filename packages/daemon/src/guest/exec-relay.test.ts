import assert from "node:assert/strict";
import { once } from "node:events";
import { duplexPair, type Duplex } from "node:stream";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { encodeControl, encodeData, encodeFrame, FRAME, FrameDecoder, type Control } from "@banger/api";
import { poll } from "@banger/host";
import fc from "fast-check";
import { relayExec } from "./exec-relay.ts";
import { execResult } from "./exec-result.test-support.ts";
import { fakeGuest, socketPair, type FakeGuest } from "./fake-guest.test-support.ts";

const MIB = 1024 * 1024;
let guest: FakeGuest;
before(async () => {
  guest = await fakeGuest();
});
after(() => guest[Symbol.asyncDispose]());

const sh = (line: string, stdin = false) => guest.client.exec({ argv: ["sh", "-c", line], login: false, stdin });

async function alive(pid: string): Promise<boolean> {
  const { last } = await execResult(await sh(`kill -0 ${pid}`));
  return last.type === "exit" && "status" in last && last.status === 0;
}

test("output, status, and a caller that closes when it knows", async () => {
  const [api, caller] = await socketPair();
  const outcome = relayExec(api, await sh("echo out; echo err >&2; exit 5"));
  const { stdout, stderr, last } = await execResult(caller);
  caller.end();
  assert.deepEqual([stdout.toString(), stderr.toString(), last], ["out\n", "err\n", { type: "exit", status: 5 }]);
  assert.deepEqual(await outcome, { kind: "exited", status: 5 });
  assert.ok(api.destroyed);
});

test("1 MiB at exit reaches a caller that is slow and still writing", async () => {
  const [api, caller] = await socketPair();
  const outcome = relayExec(api, await sh(`head -c ${MIB} /dev/zero; exit 9`, true));
  const chatter = setInterval(() => caller.write(encodeFrame(FRAME.stdin, Buffer.alloc(32 * 1024))), 1);
  caller.on("error", () => undefined);
  await delay(300);
  const { stdout, last } = await execResult(caller, () => delay(5));
  clearInterval(chatter);
  caller.end();
  assert.equal(stdout.length, MIB);
  assert.deepEqual(last, { type: "exit", status: 9 });
  assert.deepEqual(await outcome, { kind: "exited", status: 9 });
});

test("stdin flows with backpressure, both ways at once", async () => {
  const [api, caller] = await socketPair();
  const outcome = relayExec(api, await guest.client.exec({ argv: ["cat"], stdin: true }));
  const result = execResult(caller);
  for (let round = 0; round < 3; round += 1) {
    for (const frame of encodeData(FRAME.stdin, Buffer.alloc(MIB, round))) if (!caller.write(frame)) await once(caller, "drain");
  }
  caller.write(encodeControl({ type: "eof" }));
  assert.equal((await result).stdout.length, 3 * MIB);
  caller.end();
  assert.deepEqual(await outcome, { kind: "exited", status: 0 });
});

for (const [how, leave] of [
  ["ends its side", (caller: { end(): void; destroy(): void }) => caller.end()],
  ["is killed", (caller: { end(): void; destroy(): void }) => caller.destroy()],
] as const) {
  test(`a caller that ${how} hangs up the command`, async () => {
    const [api, caller] = await socketPair();
    const outcome = relayExec(api, await sh("echo $$; exec sleep 1000"));
    const decoder = new FrameDecoder();
    const frames: string[] = [];
    while (!frames.some((text) => text.endsWith("\n"))) {
      const [chunk] = (await once(caller, "data")) as [Buffer];
      frames.push(
        ...decoder
          .push(chunk)
          .filter(({ type }) => type === FRAME.stdout)
          .map(({ payload }) => payload.toString()),
      );
    }
    const pid = frames.join("").trim();
    assert.ok(await alive(pid));
    leave(caller);
    assert.deepEqual(await outcome, { kind: "hung_up" });
    assert.ok(await poll(async () => ((await alive(pid)) ? undefined : true), { timeoutMs: 5000 }));
  });
}

for (const [how, leave] of [
  ["is gone", (api: Duplex) => void api.destroy()],
  ["has ended its side and been read to the end", (api: Duplex, caller: Duplex) => void (caller.end(), api.resume())],
] as const) {
  test(`a caller that ${how} before the command began hangs it up`, { timeout: 10_000 }, async () => {
    const [api, caller] = await socketPair();
    const over = once(api, how === "is gone" ? "close" : "end");
    leave(api, caller);
    await over;
    const stream = await sh("exec sleep 1000");
    assert.deepEqual(await relayExec(api, stream), { kind: "hung_up" });
    assert.ok(stream.destroyed);
  });
}

test("a caller that is killed while nobody takes its input is noticed", { timeout: 20_000 }, async () => {
  const [api, caller] = await socketPair();
  const outcome = relayExec(api, await sh("exec sleep 1000", true));
  const isStuck = async () => !(await Promise.race([once(caller, "drain").then(() => true), delay(500, false)]));
  for (;;) {
    if (!caller.write(encodeFrame(FRAME.stdin, Buffer.alloc(32 * 1024))) && (await isStuck())) break;
  }
  assert.ok(!api.readableEnded);
  caller.destroy();
  assert.deepEqual(await outcome, { kind: "hung_up" });
});

test("a caller that does not read holds the command back, not the daemon's memory", async () => {
  const [api, caller] = await socketPair();
  const stream = await sh("cat /dev/zero");
  const outcome = relayExec(api, stream);
  await delay(500);
  assert.ok(api.writableLength + stream.readableLength < 2 * MIB, `${api.writableLength} + ${stream.readableLength}`);
  caller.destroy();
  assert.deepEqual(await outcome, { kind: "hung_up" });
});

test("a guest that is lost gives the caller a last word", async () => {
  await using lost = await fakeGuest();
  const [api, caller] = await socketPair();
  const outcome = relayExec(api, await lost.client.exec({ argv: ["sleep", "1000"], stdin: false }));
  await once(caller, "readable");
  lost.channel.destroy();
  const { last } = await execResult(caller);
  caller.end();
  assert.equal(last.type === "failed" && last.code, "guest_lost");
  assert.equal((await outcome).kind, "failed");
});

test("a command that cannot start, and control characters in why", async () => {
  const [api, caller] = await socketPair();
  const [near, far] = duplexPair();
  const outcome = relayExec(api, near);
  far.write(encodeControl({ type: "failed", code: "no_user", message: "no user \u001b]0;evil\u0007root" }));
  const { last } = await execResult(caller);
  caller.end();
  assert.deepEqual(last, { type: "failed", code: "no_user", message: "no user ]0;evilroot" });
  assert.equal((await outcome).kind, "failed");
});

test("whatever a hostile guest sends, the caller gets sound frames and one end", async () => {
  const control = fc.oneof(
    fc.constantFrom(
      '{"type":"exit","status":3}',
      '{"type":"exit","status":300}',
      '{"type":"exit","signal":"\\u001b","number":9}',
      '{"type":"started","pid":1}',
      "{",
      "null",
      "[]",
    ),
    fc.json(),
  );
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.tuple(fc.integer({ min: 0, max: 3 }), fc.uint8Array({ maxLength: 40 })).map(([type, data]) => encodeFrame(type as 0, data)),
    control.map((text) => encodeFrame(FRAME.control, Buffer.from(text))),
    fc.constant(Buffer.from([1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff])),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 6 }), async (pieces) => {
      const [api, caller] = duplexPair();
      const [near, far] = duplexPair();
      far.on("error", () => undefined).resume();
      const outcome = relayExec(api, near);
      for (const bytes of pieces) far.write(bytes);
      far.end();
      const { frames, isWhole } = await collect(caller);
      caller.end();
      assert.ok(isWhole);
      const controls = frames.filter(({ type }) => type === FRAME.control).map(({ payload }) => JSON.parse(payload.toString()) as Control);
      assert.equal(controls.filter(({ type }) => type !== "started").length, 1);
      assert.notEqual(controls.at(-1)?.type, "started");
      assert.ok(frames.every(({ type }) => type !== FRAME.stdin));
      assert.notEqual((await outcome).kind, "hung_up");
    }),
    { numRuns: 300 },
  );
});

async function collect(stream: AsyncIterable<Buffer>) {
  const decoder = new FrameDecoder();
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  const all = Buffer.concat(chunks);
  const frames = decoder.push(all);
  return { frames, isWhole: frames.reduce((length, { payload }) => length + 8 + payload.length, 0) === all.length };
}
