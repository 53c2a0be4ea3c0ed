// A tar on its way into the guest: by the channel, or by the bulk disk where there is one and the tar is large.
import { Readable } from "node:stream";
import type * as z from "zod/mini";
import { BulkWriter, openBulkDisk, readBulkAnswer, type BulkDisk } from "./bulk-disk.ts";
import { expectOk, readAnswer } from "./calls.ts";
import { putFilesMessage } from "./messages.ts";
import type { GuestSession } from "./session.ts";
import { sendFile, type TransferOptions } from "./transfer.ts";

/** From so many bytes on the disk is worth the words about it. */
const LARGE_BYTES = 256 * 1024;

export interface Put extends TransferOptions {
  readonly query: URLSearchParams;
}

type Result = z.output<typeof putFilesMessage>;

export class FilePutter {
  readonly #session: GuestSession;
  readonly #bulkDisk: string | null;
  /** One transfer at a time has the disk for itself. */
  #isDiskTaken = false;

  /** `bulkDisk` is the file behind the VM's bulk disk; null where there can be none. */
  constructor(session: GuestSession, bulkDisk: string | null) {
    this.#session = session;
    this.#bulkDisk = bulkDisk;
  }

  async put(tar: Readable, put: Put): Promise<Result> {
    if (this.#bulkDisk === null || this.#isDiskTaken) return this.#byChannel(tar, put);
    this.#isDiskTaken = true;
    try {
      const { source, isLarge } = await weigh(tar);
      await using disk = isLarge ? await openBulkDisk(this.#bulkDisk) : undefined;
      return disk === undefined ? await this.#byChannel(source, put) : await this.#byDisk(disk, source, put);
    } catch (error) {
      tar.destroy();
      throw error;
    } finally {
      this.#isDiskTaken = false;
    }
  }

  async #byChannel(source: Readable, put: Put): Promise<Result> {
    const stream = this.#start("/v1/files", source, put);
    const answered = expectOk(stream, put.what).then(() => readAnswer(stream, put.what, putFilesMessage));
    return await sendFile({ stream, sink: stream, answered }, source, put);
  }

  async #byDisk(disk: BulkDisk, source: Readable, put: Put): Promise<Result> {
    const stream = this.#start("/v1/files/by-disk", source, put);
    const sink = new BulkWriter(disk, stream);
    const answered = readBulkAnswer(stream, { what: put.what, writer: sink, result: putFilesMessage });
    return await sendFile({ stream, sink, answered }, source, put);
  }

  #start(path: string, source: Readable, { query, what }: Put) {
    try {
      const request = { method: "PUT", path: `${path}?${query.toString()}`, what, hasBody: true } as const;
      return this.#session.start({ ...request, contentType: "application/x-tar" });
    } catch (error) {
      source.destroy();
      throw error;
    }
  }
}

/** Whether `tar` has LARGE_BYTES, and all of it as a stream again. Throws the error of `tar`. */
async function weigh(tar: Readable): Promise<{ readonly source: Readable; readonly isLarge: boolean }> {
  const head: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of tar.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
    head.push(chunk);
    bytes += chunk.length;
    if (bytes < LARGE_BYTES) continue;
    tar.unshift(Buffer.concat(head));
    return { source: tar, isLarge: true };
  }
  return { source: Readable.from(head), isLarge: false };
}
