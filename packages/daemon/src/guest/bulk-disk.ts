// The host's half of the bulk disk (docs/guest-protocol.md): what is large is laid on a small disk that the guest only reads, part by
// part, and the call tells where. A serial port moves 4 KiB at a time, which takes an emulated guest ten times as long.
import { constants } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { Writable } from "node:stream";
import { BangerError } from "@banger/api";
import { diskFullError, isDiskFull } from "@banger/host";
import * as z from "zod/mini";
import { readBoundedLines } from "./bounded-reading.ts";
import { agentError, parseAnswer, unreadable } from "./calls.ts";
import { BULK_DISK } from "./contract.ts";
import type { GuestStream } from "./guest-stream.ts";
import { errorMessage } from "./messages.ts";

/** Longest line of an answer, in bytes. */
const MAX_LINE = 64 * 1024;

const lineMessage = z.object({
  free: z.optional(z.int().check(z.minimum(1), z.maximum(BULK_DISK.slots))),
  code: z.optional(z.string()),
});

/** A VM's bulk disk, open for writing. */
export interface BulkDisk extends AsyncDisposable {
  readonly file: FileHandle;
  readonly path: string;
}

/** Undefined where the VM was started without one. */
export async function openBulkDisk(path: string): Promise<BulkDisk | undefined> {
  try {
    const file = await open(path, constants.O_WRONLY | constants.O_NOFOLLOW);
    return { file, path, [Symbol.asyncDispose]: () => file.close() };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** What is written is laid on the disk as the guest takes it, and told on `stream`, with which it ends and breaks. */
export class BulkWriter extends Writable {
  readonly #disk: BulkDisk;
  readonly #stream: GuestStream;
  readonly #part = Buffer.allocUnsafeSlow(BULK_DISK.slotBytes);
  #free = 0;
  #slot = 0;
  #wake: () => void = ignore;

  constructor(disk: BulkDisk, stream: GuestStream) {
    super({ highWaterMark: BULK_DISK.slotBytes });
    this.#disk = disk;
    this.#stream = stream;
    // `stream` breaks with the same error, and whoever waits for its answer is told.
    this.on("error", ignore);
    stream.once("close", () => this.destroy());
  }

  /** The guest has taken what was in so many slots; no more are free than there are, whatever it says. Emits `taken`. */
  freed(slots: number): void {
    this.#free = Math.min(this.#free + slots, BULK_DISK.slots);
    this.emit("taken");
    this.#wake();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#layAll([chunk]).then(() => done(), done);
  }

  override _writev(chunks: ReadonlyArray<{ readonly chunk: Buffer }>, done: (error?: Error | null) => void): void {
    this.#layAll(chunks.map(({ chunk }) => chunk)).then(() => done(), done);
  }

  override _final(done: () => void): void {
    this.#stream.end();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#wake();
    if (error !== null || !this.writableFinished) this.#stream.destroy(error ?? undefined);
    done(error);
  }

  async #layAll(chunks: readonly Buffer[]): Promise<void> {
    let length = 0;
    for (const chunk of chunks) {
      for (let from = 0; from < chunk.length;) {
        const copied = chunk.copy(this.#part, length, from);
        from += copied;
        length += copied;
        if (length < this.#part.length) continue;
        await this.#lay(length);
        length = 0;
      }
    }
    if (length > 0) await this.#lay(length);
  }

  async #lay(length: number): Promise<void> {
    while (this.#free === 0 && !this.destroyed) await new Promise<void>((resolve) => (this.#wake = resolve));
    if (this.destroyed) return;
    const start = this.#slot * BULK_DISK.slotBytes;
    this.#free -= 1;
    this.#slot = (this.#slot + 1) % BULK_DISK.slots;
    try {
      for (let at = 0; at < length;) at += (await this.#disk.file.write(this.#part, at, length - at, start + at)).bytesWritten;
    } catch (error) {
      if (isDiskFull(error)) throw diskFullError(dirname(this.#disk.path), error);
      throw new BangerError("vmm.failed", `the VM's bulk disk ${this.#disk.path} cannot be written: ${String(error)}`, { cause: error });
    }
    const head = Buffer.alloc(4);
    head.writeUInt32BE(length);
    this.#stream.write(head);
  }
}

/** Follows what the guest has taken once it has agreed, and answers its result when it has all. Throws what a call throws. */
export async function readBulkAnswer<T extends z.ZodMiniType>(
  stream: GuestStream,
  { what, writer, result }: { readonly what: string; readonly writer: BulkWriter; readonly result: T },
): Promise<z.output<T>> {
  for await (const line of linesOf(stream, what)) {
    const { free, code } = parseAnswer(line, what, lineMessage);
    if (free !== undefined) writer.freed(free);
    else if (code !== undefined) throw agentError(parseAnswer(line, what, errorMessage), what);
    else return parseAnswer(line, what, result);
  }
  return parseAnswer("", what, result);
}

async function* linesOf(stream: GuestStream, what: string): AsyncGenerator<string> {
  try {
    yield* readBoundedLines(stream, MAX_LINE);
  } catch (error) {
    throw unreadable(error, what);
  }
}

function ignore(): void {}
