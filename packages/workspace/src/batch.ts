// Pieces of a tar stream, gathered: each chunk of a stream costs more than its bytes.
import { readSync } from "node:fs";

/** Small files are gathered into chunks of about this many bytes; large ones are read in pieces of it. */
export const BATCH_BYTES = 256 * 1024;

export class Batch {
  length = 0;
  #parts: Buffer[] = [];

  add(part: Buffer): void {
    if (part.length === 0) return;
    this.#parts.push(part);
    this.length += part.length;
  }

  take(): Buffer {
    const whole = this.#parts.length === 1 ? (this.#parts[0] ?? Buffer.alloc(0)) : Buffer.concat(this.#parts);
    this.#parts = [];
    this.length = 0;
    return whole;
  }
}

/** Fills `into` from a file; answers less than its length at the end of the file. */
export function readWhole(descriptor: number, into: Buffer): number {
  let at = 0;
  while (at < into.length) {
    const read = readSync(descriptor, into, at, into.length - at, null);
    if (read === 0) break;
    at += read;
  }
  return at;
}
