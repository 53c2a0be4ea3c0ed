// Relayed connections on real sockets: halves, ends, cuts, and peers that die.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer, type ListenOptions, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { Duplex } from "node:stream";
import { buffer } from "node:stream/consumers";
import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { joinStreams } from "./join-streams.ts";
import { poll } from "./poll.ts";

const MIB = 1024 * 1024;

interface Pair extends AsyncDisposable {
  readonly near: Socket;
  readonly far: Socket;
}

for (const transport of ["unix", "tcp"] as const) {
  describe(`joined streams over ${transport}`, () => {
    let directory: string;
    let opened: Pair[];
    beforeEach(async () => {
      directory = await mkdtemp(join(tmpdir(), "banger-join-"));
      opened = [];
    });
    afterEach(async () => {
      for (const pair of opened) await pair[Symbol.asyncDispose]();
      await rm(directory, { recursive: true });
    });

    /** `near` is the relay's end, `far` the peer's. */
    const pair = async (): Promise<Pair> => {
      const made = await socketPair(transport === "tcp" ? { host: "127.0.0.1", port: 0 } : { path: join(directory, `${opened.length}`) });
      opened.push(made);
      return made;
    };
    const joined = async () => {
      const [client, guest] = [await pair(), await pair()];
      joinStreams(client.near, guest.near);
      return { client: client.far, guest: guest.far, relay: [client.near, guest.near] as const };
    };

    test("each direction ends on its own, and both close after", async () => {
      const { client, guest, relay } = await joined();
      client.end("question");
      assert.equal((await buffer(guest)).toString(), "question");
      guest.end(Buffer.alloc(MIB, "a"));
      assert.equal((await buffer(client)).length, MIB);
      await closed(relay);
    });

    test("whatever is said in whatever pieces arrives whole, whoever ends first", async () => {
      await fc.assert(
        fc.asyncProperty(words(), words(), fc.boolean(), async (asked, answered, guestFirst) => {
          const { client, guest, relay } = await joined();
          const [first, second] = guestFirst ? [guest, client] : [client, guest];
          const heard = [hear(first), hear(second)] as const;
          await say(first, guestFirst ? answered : asked);
          await say(second, guestFirst ? asked : answered);
          const [byFirst, bySecond] = await Promise.all(heard);
          assert.ok(byFirst.equals(Buffer.concat(guestFirst ? asked : answered)));
          assert.ok(bySecond.equals(Buffer.concat(guestFirst ? answered : asked)));
          await closed(relay);
        }),
        { numRuns: 25 },
      );
    });

    test("a side that has said all and closed is heard to the end by one that still talks", async () => {
      const client = await pair();
      // As a guest's program that exits with unread input: its stream ends and closes, without an error.
      const guest = new Duplex({ read() {}, write: () => undefined, autoDestroy: false });
      guest.push(Buffer.alloc(MIB));
      guest.push(null);
      guest.once("end", () => guest.destroy());
      const chatter = setInterval(() => client.far.write(Buffer.alloc(64 * 1024)), 1);
      try {
        joinStreams(client.near, guest);
        assert.equal((await buffer(client.far)).length, MIB);
      } finally {
        clearInterval(chatter);
      }
      client.far.destroy();
      await closed([client.near]);
    });

    test("a side that is cut cuts the other", async () => {
      const { client, guest, relay } = await joined();
      guest.write("half an ans");
      await once(client, "data");
      relay[1].destroy();
      const [failure] = await Promise.race([once(client, "error"), once(client, "end")]);
      assert.equal((failure as NodeJS.ErrnoException | undefined)?.code, transport === "tcp" ? "ECONNRESET" : undefined);
      await closed(relay);
    });

    test("a client that is gone before the guest is there leaves no guest connection", async () => {
      const [client, guest] = [await pair(), await pair()];
      client.near.destroy();
      await turn();
      joinStreams(client.near, guest.near);
      await closed([guest.near]);
    });

    if (transport === "tcp") {
      test("a client that resets while the guest takes no input is noticed", async () => {
        const { client, relay } = await joined();
        await stall(client, relay[0]);
        client.resetAndDestroy();
        await closed(relay);
      });
      return;
    }

    for (const ends of [false, true]) {
      test(`a client killed while the guest takes no input is noticed${ends ? ", also one that had ended its own" : ""}`, async () => {
        const guest = await pair();
        const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }).listen(join(directory, "killable"));
        await once(server, "listening");
        const script = `const c = require("net").connect({ path: process.argv[1], allowHalfOpen: true });
          ${ends ? "c.end('all')" : "const more = () => c.write(Buffer.alloc(65536), more); more()"}`;
        const child = spawn(process.execPath, ["-e", script, join(directory, "killable")], { stdio: "ignore" });
        try {
          const [near] = (await once(server, "connection")) as [Socket];
          joinStreams(near, guest.near);
          // Nobody reads the guest's end: what is sent stays in the buffers.
          const isUnread = () => ((ends ? near.readableEnded : near.isPaused()) ? true : undefined);
          assert.ok(await poll(isUnread, { timeoutMs: 10_000 }));
          child.kill("SIGKILL");
          await closed([near, guest.near]);
        } finally {
          child.kill("SIGKILL");
          server.close();
        }
      });
    }
  });
}

function words(): fc.Arbitrary<Buffer[]> {
  const word = fc.tuple(fc.nat(300 * 1024), fc.nat(255)).map(([length, fill]) => Buffer.alloc(length, fill));
  return fc.array(word, { maxLength: 4 });
}

/** Unlike `buffer`, which destroys what it has read to the end, words on the way out included. */
async function hear(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(socket, "end");
  return Buffer.concat(chunks);
}

async function say(socket: Socket, chunks: readonly Buffer[]): Promise<void> {
  for (const chunk of chunks) if (!socket.write(chunk)) await once(socket, "drain");
  socket.end();
}

/** Writes until the relay no longer reads. */
async function stall(from: Socket, relayed: Socket): Promise<void> {
  const more = () => void (from.writable && from.writableLength < 4 * MIB && from.write(Buffer.alloc(64 * 1024), more));
  more();
  assert.ok(await poll(() => (relayed.isPaused() ? true : undefined), { timeoutMs: 10_000 }), "stalled");
}

async function closed(sockets: readonly Socket[]): Promise<void> {
  const all = () => (sockets.every((socket) => socket.closed) ? true : undefined);
  assert.ok(await poll(all, { timeoutMs: 10_000 }), "the relay's ends are closed");
}

async function socketPair(target: ListenOptions): Promise<Pair> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }).listen(target);
  await once(server, "listening");
  const address = server.address();
  if (address === null) throw new Error("a listener has an address");
  const where = typeof address === "string" ? { path: address } : { host: "127.0.0.1", port: address.port };
  const far = connect({ ...where, allowHalfOpen: true });
  const [near] = (await once(server, "connection")) as [Socket];
  return {
    near,
    far,
    [Symbol.asyncDispose]: async () => {
      for (const socket of [near, far]) socket.on("error", () => undefined).destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
