import assert from "node:assert/strict";
import { once } from "node:events";
import { duplexPair, type Duplex } from "node:stream";
import { test } from "node:test";
import fc from "fast-check";
import { resync, RESYNC_MAGIC, RESYNC_NONCE_BYTES, RESYNC_ZERO_BYTES } from "./resync.ts";

const never = new AbortController().signal;
const nonce = Buffer.alloc(RESYNC_NONCE_BYTES, 0x5a);
const echo = Buffer.concat([RESYNC_MAGIC, nonce]);

async function send(stream: Duplex, data: Buffer, cuts: readonly number[]): Promise<void> {
  let from = 0;
  for (const cut of [...cuts.map((part) => Math.floor(part * data.length)).toSorted((a, b) => a - b), data.length]) {
    if (cut > from) stream.write(data.subarray(from, cut));
    from = Math.max(from, cut);
    await new Promise(setImmediate);
  }
}

test("whatever lies in the port, however it is cut: exactly what follows the echo is left to read", async () => {
  const junk = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.constant(RESYNC_MAGIC),
    fc.constant(Buffer.concat([RESYNC_MAGIC, Buffer.alloc(16)])),
    fc.constant(echo.subarray(0, 20)),
  );
  const cut = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(fc.array(junk, { maxLength: 5 }), fc.uint8Array({ minLength: 1, maxLength: 100 }), cut, async (stale, rest, cuts) => {
      const [host, guest] = duplexPair();
      guest.resume();
      const done = resync(host, nonce, never);
      await send(guest, Buffer.concat([...stale, echo, rest]), cuts);
      await done;
      let left = Buffer.alloc(0);
      while (left.length < rest.length) {
        const chunk: Buffer | null = host.read();
        if (chunk === null) await once(host, "readable");
        else left = Buffer.concat([left, chunk]);
      }
      assert.ok(left.equals(Buffer.from(rest)));
    }),
    { numRuns: 200 },
  );
});

test("the host first writes padding, magic and nonce", async () => {
  const [host, guest] = duplexPair();
  const done = resync(host, nonce, never);
  let seen = Buffer.alloc(0);
  for await (const chunk of guest as AsyncIterable<Buffer>) {
    seen = Buffer.concat([seen, chunk]);
    if (seen.length >= RESYNC_ZERO_BYTES + 24) break;
  }
  assert.ok(seen.equals(Buffer.concat([Buffer.alloc(RESYNC_ZERO_BYTES), echo])));
  await assert.rejects(done);
});

test("an endless flood without the echo ends with the signal, in bounded memory", { timeout: 20_000 }, async () => {
  const [host, guest] = duplexPair();
  guest.resume();
  const chunk = Buffer.alloc(64 * 1024, RESYNC_MAGIC);
  const flood = setInterval(() => guest.writableLength === 0 && guest.write(chunk), 1);
  await assert.rejects(resync(host, nonce, AbortSignal.timeout(300)), { name: "TimeoutError" });
  clearInterval(flood);
  assert.ok(host.readableLength <= 128 * 1024);
  assert.equal(host.listenerCount("readable") + host.listenerCount("error"), 0);
});

test("an end, an error, an abort before the start", async () => {
  const [host, guest] = duplexPair();
  guest.end();
  await assert.rejects(resync(host, nonce, never), /ended before/);
  const [broken] = duplexPair();
  const failed = resync(broken, nonce, never);
  broken.destroy(new Error("torn"));
  await assert.rejects(failed, /torn/);
  const [unused] = duplexPair();
  await assert.rejects(resync(unused, nonce, AbortSignal.abort(new Error("stop"))), /stop/);
  await assert.rejects(resync(unused, Buffer.alloc(3), never), RangeError);
});
