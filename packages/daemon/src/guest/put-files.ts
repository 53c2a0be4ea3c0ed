// A tar on its way into the guest: by the channel, or by the bulk disk where there is one and the tar is large.
import { setTimeout as delay } from "node:timers/promises";
import { Readable } from "node:stream";
import { BangerError } from "@banger/api";
import type * as z from "zod/mini";
import { BulkWriter, openBulkDisk, readBulkAnswer, type BulkDisk } from "./bulk-disk.ts";
import { bound, expectOk, readAnswer } from "./calls.ts";
import type { GuestStream } from "./guest-stream.ts";
import { putFilesMessage } from "./messages.ts";
import type { GuestSession } from "./session.ts";
import { sendFile, type TransferOptions } from "./transfer.ts";

/** From so many bytes on the disk is worth the words about it. */
const LARGE_BYTES = 256 * 1024;
/** How long it is waited for them, in milliseconds: what trickles goes by the channel. */
const PATIENCE_MS = 1000;

export interface Put extends TransferOptions {
  readonly query: URLSearchParams;
  /** How long the guest may take to agree, in milliseconds. */
  readonly beginMs: number;
}

type Result = z.output<typeof putFilesMessage>;

export class FilePutter {
  readonly #session: GuestSession;
  readonly #bulkDisk: string | null;
  /** One large transfer at a time has the disk for itself. */
  #isDiskTaken = false;

  /** `bulkDisk` is the file behind the VM's bulk disk; null where there can be none. */
  constructor(session: GuestSession, bulkDisk: string | null) {
    this.#session = session;
    this.#bulkDisk = bulkDisk;
  }

  /** `tar` is consumed or destroyed. */
  async put(tar: Readable, put: Put): Promise<Result> {
    if (this.#bulkDisk === null) return await this.#byChannel(tar, put);
    try {
      const { isLarge, source } = await weigh(tar, this.#session.closed);
      if (!isLarge || this.#isDiskTaken) return await this.#byChannel(source, put);
      this.#isDiskTaken = true;
      try {
        await using disk = await openBulkDisk(this.#bulkDisk);
        const stream = disk === undefined ? undefined : await this.#granted(put);
        if (disk === undefined || stream === undefined) return await this.#byChannel(source, put);
        return await sendByDisk(disk, { stream, source, put });
      } finally {
        this.#isDiskTaken = false;
      }
    } catch (error) {
      tar.destroy();
      throw error;
    }
  }

  async #byChannel(source: Readable, put: Put): Promise<Result> {
    let stream: GuestStream;
    try {
      stream = this.#start("/v1/files", put);
    } catch (error) {
      source.destroy();
      throw error;
    }
    const answered = expectOk(stream, put.what).then(() => readAnswer(stream, put.what, putFilesMessage));
    return await sendFile({ stream, sink: stream, answered }, source, put);
  }

  /** The call that has the disk; undefined where the guest refuses: what it has against the call itself it says by the channel too. */
  async #granted(put: Put): Promise<GuestStream | undefined> {
    const stream = this.#start("/v1/files/by-disk", put);
    using _bound = bound(stream, { what: put.what, timeoutMs: put.beginMs });
    try {
      await expectOk(stream, put.what);
      return stream;
    } catch (error) {
      stream.destroy();
      if (error instanceof BangerError && error.details?.["agentCode"] !== undefined) return undefined;
      throw error;
    }
  }

  #start(path: string, { query, what }: Put): GuestStream {
    const request = { method: "PUT", path: `${path}?${query.toString()}`, what, hasBody: true } as const;
    return this.#session.start({ ...request, contentType: "application/x-tar" });
  }
}

interface Granted {
  readonly stream: GuestStream;
  readonly source: Readable;
  readonly put: Put;
}

async function sendByDisk(disk: BulkDisk, { stream, source, put }: Granted): Promise<Result> {
  const sink = new BulkWriter(disk, stream);
  const answered = readBulkAnswer(stream, { what: put.what, writer: sink, result: putFilesMessage });
  return await sendFile({ stream, sink, answered }, source, put);
}

/** Whether `tar` soon has LARGE_BYTES; `source` is all of it. Not waited for longer than there is a guest. Throws the error of `tar`. */
async function weigh(tar: Readable, lost: Promise<void>): Promise<{ readonly isLarge: boolean; readonly source: Readable }> {
  const iterator = tar[Symbol.asyncIterator]() as AsyncIterator<Uint8Array, undefined>;
  const enough = new AbortController();
  const over = Promise.race([lost, delay(PATIENCE_MS, undefined, { signal: enough.signal }).catch(() => undefined)]);
  const head: Uint8Array[] = [];
  let next = iterator.next();
  try {
    for (let bytes = 0; bytes < LARGE_BYTES; next = iterator.next()) {
      const result = await Promise.race([next, over]);
      if (result === undefined || result.done === true) return { isLarge: false, source: rejoined({ tar, head, next, iterator }) };
      head.push(result.value);
      bytes += result.value.length;
    }
    return { isLarge: true, source: rejoined({ tar, head, next, iterator }) };
  } finally {
    enough.abort();
  }
}

interface Parted {
  readonly tar: Readable;
  readonly head: readonly Uint8Array[];
  /** What comes after `head`. */
  readonly next: Promise<IteratorResult<Uint8Array, undefined>>;
  readonly iterator: AsyncIterator<Uint8Array, undefined>;
}

/** The stream again whose beginning has been read. Destroyed, it takes `tar` with it, also while more of that is waited for. */
function rejoined({ tar, head, next, iterator }: Parted): Readable {
  next.catch(() => undefined);
  async function* all() {
    yield* head;
    for (let result = await next; result.done !== true; result = await iterator.next()) yield result.value;
  }
  const chunks = all();
  return new Readable({
    read() {
      chunks.next().then(
        ({ done, value }) => this.push(done === true ? null : value),
        (error: Error) => this.destroy(error),
      );
    },
    destroy(error, done) {
      tar.destroy();
      done(error);
    },
  });
}
