// What is large goes by the bulk disk, whatever its pieces; what fails there fails as it would on the channel.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import type { ServerHttp2Stream } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { test } from "node:test";
import fc from "fast-check";
import { answeringGuest, fakeGuest, SHORT_DEADLINES } from "./fake-guest.test-support.ts";
import { tarOf } from "./tar.test-support.ts";

const MIB = 1024 * 1024;

class Scratch implements AsyncDisposable {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  static async make(): Promise<Scratch> {
    return new Scratch(await mkdtemp(join(tmpdir(), "banger-bulk-")));
  }

  async disk(): Promise<string> {
    const path = join(this.#directory, "bulk.raw");
    await writeFile(path, "");
    return path;
  }

  get missing(): string {
    return join(this.#directory, "missing");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#directory, { recursive: true });
  }
}

function cut(bytes: Buffer, sizes: readonly number[]): Readable {
  return Readable.from(
    (function* () {
      let from = 0;
      for (let at = 0; from < bytes.length; at += 1) {
        const size = sizes[at % sizes.length] ?? 1;
        yield bytes.subarray(from, from + size);
        from += size;
      }
    })(),
  );
}

test("any pieces arrive whole, and only what is large goes by the disk", async () => {
  await using scratch = await Scratch.make();
  await using guest = await fakeGuest({ bulkDisk: await scratch.disk() });
  const content = randomBytes(7 * MIB);
  const sizes = fc.array(fc.integer({ min: 40_000, max: 3 * MIB }), { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: content.length }), sizes, async (length, pieces) => {
      const before = guest.agent.partedUploads;
      const archive = await tarOf("it", content.subarray(0, length));
      const put = await guest.client.putFiles("/to", cut(archive, pieces));
      assert.equal(put.files, 1);
      assert.ok((await readFile(join(guest.rootDir, "to/it"))).equals(content.subarray(0, length)));
      assert.equal(guest.agent.partedUploads - before, archive.length >= MIB / 4 ? 1 : 0);
    }),
    { numRuns: 25 },
  );
});

test("one transfer at a time has the disk; others go by the channel meanwhile", async () => {
  await using scratch = await Scratch.make();
  await using guest = await fakeGuest({ bulkDisk: await scratch.disk() });
  const contents = [1, 2, 3].map(() => randomBytes(3 * MIB));
  await Promise.all(
    contents.map(async (content, at) => {
      await guest.client.putFiles("/to", cut(await tarOf(`it${at}`, content), [65_536]));
    }),
  );
  for (const [at, content] of contents.entries()) assert.ok((await readFile(join(guest.rootDir, `to/it${at}`))).equals(content));
  assert.equal(guest.agent.partedUploads, 1);
  await guest.client.putFiles("/to", cut(await tarOf("later", randomBytes(MIB)), [65_536]));
  assert.equal(guest.agent.partedUploads, 2);
});

test("a VM that was started without the disk gets it all by the channel", async () => {
  await using scratch = await Scratch.make();
  await using guest = await fakeGuest({ bulkDisk: scratch.missing });
  const content = randomBytes(2 * MIB);
  await guest.client.putFiles("/to", cut(await tarOf("it", content), [65_536]));
  assert.ok((await readFile(join(guest.rootDir, "to/it"))).equals(content));
});

test("a host disk that is full is told as such, and the source is let go", async () => {
  await using guest = await fakeGuest({ bulkDisk: "/dev/full" });
  const source = cut(await tarOf("it", randomBytes(2 * MIB)), [65_536]);
  await assert.rejects(guest.client.putFiles("/to", source), { code: "host.disk_full" });
  assert.ok(source.destroyed);
  assert.equal((await guest.client.health()).protocol, 1);
});

/** A client whose guest agrees to an upload by disk and does as `talk` says. */
const talkingGuest = (bulkDisk: string, talk: (stream: ServerHttp2Stream) => void, deadlines = SHORT_DEADLINES) =>
  answeringGuest(
    (stream) => {
      stream.resume();
      stream.respond({ ":status": 200 });
      talk(stream);
    },
    { bulkDisk, deadlines },
  );

const endless = () =>
  Readable.from(
    (async function* () {
      for (;;) yield Buffer.alloc(65_536);
    })(),
  );

const TALKS: Readonly<Record<string, readonly [code: string, talk: (stream: ServerHttp2Stream) => void]>> = {
  "frees nothing": ["guest.unreachable", () => undefined],
  "stops freeing": ["guest.unreachable", (stream) => stream.write('{"free":4}\n{"free":1}\n')],
  "frees what there is not": ["guest.failed", (stream) => stream.write('{"free":5}\n')],
  "says what is no line": ["guest.failed", (stream) => stream.write("[1]\n")],
  "never ends a line": ["guest.failed", (stream) => stream.write("x".repeat(MIB))],
  "refuses late": ["guest.disk_full", (stream) => stream.write('{"free":4}\n{"code":"no_space","message":"it"}\n')],
  "ends without a word": ["guest.failed", (stream) => stream.end('{"free":4}\n')],
  "breaks off": ["guest.failed", (stream) => setTimeout(() => stream.close(2), 20)],
};

for (const [name, [code, talk]] of Object.entries(TALKS)) {
  test(`a guest that ${name} ends the upload`, { timeout: 20_000 }, async () => {
    await using scratch = await Scratch.make();
    await using client = talkingGuest(await scratch.disk(), talk);
    const source = endless();
    await assert.rejects(client.putFiles("/to", source), { code });
    assert.ok(source.destroyed);
  });
}

test("a refusal is heard while nothing comes from the source", { timeout: 20_000 }, async () => {
  await using scratch = await Scratch.make();
  await using client = talkingGuest(await scratch.disk(), (stream) => {
    stream.write('{"free":4}\n{"code":"no_space","message":"it"}\n');
  });
  const source = await idle(MIB);
  await assert.rejects(client.putFiles("/to", source), { code: "guest.disk_full" });
  assert.ok(source.destroyed);
});

/** A source that has given so many bytes of a tar, and nothing more. */
async function idle(bytes: number): Promise<PassThrough> {
  const source = new PassThrough({ highWaterMark: 4 * MIB });
  source.write((await tarOf("it", randomBytes(2 * MIB))).subarray(0, bytes));
  return source;
}

test("the loss of the guest is heard while little or nothing comes from the source", { timeout: 20_000 }, async () => {
  await using scratch = await Scratch.make();
  for (const bytes of [0, 1000, MIB]) {
    await using guest = await fakeGuest({ bulkDisk: await scratch.disk() });
    const source = await idle(bytes);
    setTimeout(() => guest.channel.destroy(), 50);
    await assert.rejects(guest.client.putFiles("/to", source), { code: "guest.unreachable" });
    assert.ok(source.destroyed);
  }
});

test("what trickles takes the disk from nobody", async () => {
  await using scratch = await Scratch.make();
  await using guest = await fakeGuest({ bulkDisk: await scratch.disk() });
  const source = await idle(1000);
  const trickling = guest.client.putFiles("/to", source);
  await guest.client.putFiles("/to", cut(await tarOf("large", randomBytes(MIB)), [65_536]));
  assert.equal(guest.agent.partedUploads, 1);
  source.destroy(new Error("enough"));
  await assert.rejects(trickling, /enough/);
});

test("a guest that has no such disk, or does not give it, gets it all by the channel", async () => {
  await using scratch = await Scratch.make();
  await using guest = await fakeGuest({ bulkDisk: await scratch.disk() });
  const content = randomBytes(MIB);
  for (const fault of [
    { status: 404, code: "not_found", message: "no call" },
    { status: 503, code: "limit", message: "another call has the bulk disk" },
    { status: 500, code: "failed", message: "/dev/vdd" },
  ]) {
    guest.agent.faults = { fail: { "/v1/files/by-disk": fault } };
    await guest.client.putFiles("/to", cut(await tarOf(fault.code, content), [65_536]));
    assert.ok((await readFile(join(guest.rootDir, "to", fault.code))).equals(content));
  }
  assert.equal(guest.agent.partedUploads, 0);
});

test("a source that has ended before it is read comes whole", async () => {
  await using scratch = await Scratch.make();
  await using guest = await fakeGuest({ bulkDisk: await scratch.disk() });
  for (const size of [100, MIB]) {
    const ended = new Readable({ read: () => undefined });
    ended.push(await tarOf("it", randomBytes(size)));
    ended.push(null);
    const put = await new Promise<{ readonly files: number }>((resolve, reject) => {
      setTimeout(() => guest.client.putFiles("/to", ended).then(resolve, reject));
    });
    assert.equal(put.files, 1);
  }
});

test("a guest that is slow, but goes on, has all the time it takes", { timeout: 20_000 }, async () => {
  await using scratch = await Scratch.make();
  const parts = 8;
  const slowly = (stream: ServerHttp2Stream) => {
    stream.write('{"free":4}\n');
    let [laid, taken] = [0, 0];
    stream.on("data", (lengths: Buffer) => (laid += lengths.length / 4));
    const taking = setInterval(() => {
      if (taken < laid) stream.write('{"free":1}\n', () => (taken += 1));
      if (taken < parts) return;
      clearInterval(taking);
      stream.end('{"files":1,"bytes":2}\n');
    }, 250);
  };
  await using client = talkingGuest(await scratch.disk(), slowly, { ...SHORT_DEADLINES, stallMs: 1000, finishMs: 1000 });
  await client.putFiles("/to", cut(Buffer.alloc(parts * MIB), [MIB]));
});

test("a source that fails fails the upload with its own error, at any place", async () => {
  await using scratch = await Scratch.make();
  await using guest = await fakeGuest({ bulkDisk: await scratch.disk() });
  const archive = await tarOf("it", randomBytes(4 * MIB));
  for (const bytes of [0, 100_000, 3 * MIB]) {
    const source = Readable.from(
      (async function* () {
        yield* cut(archive.subarray(0, bytes), [50_000]);
        throw new Error("disk gone");
      })(),
    );
    await assert.rejects(guest.client.putFiles("/to", source), /disk gone/);
  }
  assert.equal((await guest.client.health()).protocol, 1);
});
