// A guest that wants to harm the daemon: whatever it sends, every call settles with a BangerError, nothing is held in memory
// without bound, and nothing is thrown where nobody listens.
import assert from "node:assert/strict";
import { performServerHandshake, type OutgoingHttpHeaders } from "node:http2";
import { duplexPair, Readable, type Duplex } from "node:stream";
import { after, test } from "node:test";
import { setImmediate as turn, setTimeout as delay } from "node:timers/promises";
import { BangerError } from "@banger/api";
import fc from "fast-check";
import { eagerWrites } from "../../../testkit/src/eager-writes.ts";
import { AgentClient } from "./agent-client.ts";
import { connectGuest, createConnectGuest } from "./client.ts";
import type { GuestConfiguration } from "./contract.ts";
import { answeringGuest, SHORT_DEADLINES, type AnsweringHandler } from "./fake-guest.test-support.ts";
import { GuestSession } from "./session.ts";

const never = new AbortController().signal;

const stray: unknown[] = [];
const onStray = (error: unknown) => stray.push(error);
process.on("unhandledRejection", onStray).on("uncaughtException", onStray);
after(() => {
  process.off("unhandledRejection", onStray).off("uncaughtException", onStray);
  assert.deepEqual(stray, []);
});

const allCalls = (client: AgentClient): readonly Promise<unknown>[] => [
  client.health(),
  client.configure({ vmId: "x" } as GuestConfiguration),
  client.stats(),
  client.setClock(1),
  client.shutdown("poweroff", 10),
  // These two may rightly be silent for ever.
  client.exec({ argv: ["true"], stdin: false }).then(drainAWhile),
  client.dial("tcp", "127.0.0.1:1").then(drainAWhile),
  client.putFiles("/x", Readable.from([Buffer.alloc(100_000)])),
  client.getFiles("/x").then(drain),
  Array.fromAsync(client.events(AbortSignal.timeout(500))),
];

async function drain(stream: Readable): Promise<number> {
  let length = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) length += chunk.length;
  return length;
}

async function drainAWhile(stream: Readable): Promise<number> {
  const timer = setTimeout(() => stream.destroy(new BangerError("operation.cancelled", "enough")), 600);
  return drain(stream).finally(() => clearTimeout(timer));
}

/** Every call ends, well or with a BangerError. */
async function settles(client: AgentClient, timeoutMs = 5000): Promise<readonly PromiseSettledResult<unknown>[]> {
  const all = Promise.allSettled(allCalls(client));
  const results = await Promise.race([all, delay(timeoutMs)]);
  assert.ok(results !== undefined, "a call did not settle");
  for (const result of results) {
    if (result.status === "rejected") assert.ok(result.reason instanceof BangerError, String(result.reason?.stack));
  }
  await client[Symbol.asyncDispose]();
  return results;
}

test("answers of any shape and status", { timeout: 120_000 }, async () => {
  const body = fc.oneof(
    fc.json(),
    fc.string(),
    fc.uint8Array({ maxLength: 50 }),
    fc.constant("{}"),
    fc.constant('{"code":"failed","message":"\\u001b[2J"}'),
  );
  const status = fc.constantFrom(200, 200, 200, 201, 204, 301, 400, 404, 409, 500, 599);
  await fc.assert(
    fc.asyncProperty(status, body, fc.boolean(), async (code, text, endsAtOnce) => {
      const client = answeringGuest((stream) => {
        stream.respond({ ":status": code });
        if (endsAtOnce) stream.end(text);
        else stream.write(text === "" ? " " : text, () => stream.close(8));
      });
      for (const result of await settles(client)) {
        if (result.status === "rejected") assert.ok(!(result.reason as Error).message.includes("\u001b"));
      }
    }),
    { numRuns: 60 },
  );
});

for (const [what, handler] of Object.entries({
  "nothing at all": () => undefined,
  "headers and then nothing": (stream) => stream.respond({ ":status": 200 }),
  "a reset": (stream) => stream.close(2),
  "a refusal without a body": (stream) => stream.respond({ ":status": 500 }, { endStream: true }),
  "endless bytes": (stream) => {
    stream.respond({ ":status": 200 });
    const more = () => {
      while (!stream.destroyed && stream.write(Buffer.alloc(65_536, "x")));
    };
    stream.on("drain", more);
    more();
    // The calls that may take endless bytes are ended by the loss of their guest.
    setTimeout(() => stream.close(8), 600);
  },
  "endless event lines": (stream) => {
    stream.respond({ ":status": 200 });
    const more = () => {
      while (!stream.destroyed && stream.write('{"type":"unknown"}\n'.repeat(1000)));
    };
    stream.on("drain", more);
    more();
    setTimeout(() => stream.close(8), 600);
  },
  "thousands of headers": (stream) => {
    const headers: OutgoingHttpHeaders = { ":status": 200 };
    for (let n = 0; n < 500; n += 1) headers[`x-${n}`] = "y".repeat(50);
    stream.respond(headers);
    stream.end("{}");
  },
  "a push": (stream) => {
    stream.pushStream({ ":path": "/evil" }, () => undefined);
  },
} satisfies Record<string, AnsweringHandler>)) {
  test(`every call is answered with ${what}`, { timeout: 30_000 }, async () => {
    const before = process.memoryUsage().rss;
    await settles(answeringGuest(handler));
    assert.ok(process.memoryUsage().rss - before < 300 * 1024 * 1024);
  });
}

test("bytes that are no HTTP/2, and good ones with a few changed", { timeout: 120_000 }, async () => {
  const good = await recordedAnswer();
  const change = fc.tuple(fc.nat(good.length - 1), fc.integer({ min: 0, max: 255 }));
  const mutated = fc.array(change, { minLength: 1, maxLength: 5 }).map((changes) => {
    const bytes = Buffer.from(good);
    for (const [at, value] of changes) bytes[at] = value;
    return bytes;
  });
  await fc.assert(
    fc.asyncProperty(fc.oneof(mutated, mutated, fc.uint8Array({ maxLength: 200 })), fc.boolean(), async (bytes, ends) => {
      const [near, far] = duplexPair();
      far.on("error", () => undefined).resume();
      const client = new AgentClient(new GuestSession(near), null, SHORT_DEADLINES);
      const health = client.health().then(
        () => undefined,
        (error: unknown) => assert.ok(error instanceof BangerError, String(error)),
      );
      await turn();
      far.write(bytes);
      if (ends) far.end();
      assert.notEqual(await Promise.race([health, delay(3000, "health hangs")]), "health hangs");
      const closed = client[Symbol.asyncDispose]();
      assert.notEqual(await Promise.race([closed, delay(3000, "closing hangs")]), "closing hangs");
    }),
    { numRuns: 150 },
  );
});

/** What a server sends when health is asked. */
async function recordedAnswer(): Promise<Buffer> {
  const [near, far] = duplexPair();
  const [inner, outer] = duplexPair();
  const sent: Buffer[] = [];
  far.on("data", (chunk) => outer.write(chunk));
  outer.on("data", (chunk: Buffer) => {
    sent.push(chunk);
    far.write(chunk);
  });
  const session = performServerHandshake(eagerWrites(inner), {});
  session.on("error", () => undefined);
  session.on("stream", (stream) => {
    stream.respond({ ":status": 200 });
    stream.end('{"version":"1","protocol":1,"bootId":"b","stage":"running","init":"","readiness":["agent"],"uptimeMs":1}');
  });
  const client = new AgentClient(new GuestSession(near), null, { ...SHORT_DEADLINES, answerMs: 5000 });
  await client.health();
  await client[Symbol.asyncDispose]();
  return Buffer.concat(sent);
}

test("connecting to garbage, silence, a closed channel or none ends at the deadline with the reason", { timeout: 30_000 }, async () => {
  const garbage = async (): Promise<Duplex> => {
    const [near, far] = duplexPair();
    far.on("error", () => undefined).resume();
    far.write(Buffer.alloc(10_000, "garbage "));
    return near;
  };
  const opens: readonly (readonly [() => Promise<Duplex>, RegExp])[] = [
    [garbage, /did not answer within 0\.4 s/],
    [async () => duplexPair()[0], /did not answer within 0\.4 s/],
    [async () => Promise.reject(new BangerError("guest.unreachable", "nobody listens")), /nobody listens/],
    [
      async () => {
        const [near] = duplexPair();
        near.destroy();
        return near;
      },
      /did not answer/,
    ],
  ];
  for (const kind of ["serial", "vsock"] as const) {
    for (const [open, message] of opens) {
      const begun = performance.now();
      await assert.rejects(connectGuest({ kind, open, signal: never, timeoutMs: 400 }), { code: "guest.unreachable", message });
      assert.ok(performance.now() - begun < 2000);
    }
    await assert.rejects(connectGuest({ kind, open: garbage, signal: AbortSignal.timeout(100), timeoutMs: 5000 }), {
      code: "operation.cancelled",
    });
  }
});

test("an agent of another protocol is refused at once", async () => {
  const open = async (): Promise<Duplex> => {
    const [near, far] = duplexPair();
    const session = performServerHandshake(eagerWrites(far), {});
    session.on("error", () => undefined);
    session.on("stream", (stream) => {
      stream.respond({ ":status": 200 });
      stream.end('{"version":"9","protocol":9,"bootId":"b","stage":"running","init":"","readiness":[],"uptimeMs":1}');
    });
    return near;
  };
  const connect = createConnectGuest({ randomBytes: (length) => Buffer.alloc(length) });
  await assert.rejects(connect({ kind: "vsock", open, signal: never, timeoutMs: 60_000 }), {
    code: "api.version_skew",
    message: /protocol 9/,
  });
});
