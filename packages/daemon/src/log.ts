// The daemon's log: one JSON line an event on standard output, which whoever started it has pointed at the log file. A line
// that finds no room there is lost; the daemon goes on. Guests can make it write, so the file is kept bounded while it runs.
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, statSync, writeFileSync, writeSync } from "node:fs";
import { pino } from "pino";

export type Log = (fields: Readonly<Record<string, unknown>>, message: string) => void;

const STDOUT = 1;

export function createLog(file: string): Log {
  const write = boundedWriter({ file, descriptor: STDOUT });
  const logger = pino(
    { base: null, timestamp: pino.stdTimeFunctions.isoTime, redact: ["hostKey", "*.hostKey", "privateKey", "*.privateKey"] },
    { write },
  );
  return (fields, message) => logger.info(fields, message);
}

export interface BoundedFile {
  readonly file: string;
  /** Open to append. Where it is not `file`, it is somebody else's to bound. */
  readonly descriptor: number;
  /** In bytes. Default 16 MiB. */
  readonly cap?: number;
  /** How much of the end is kept in `FILE.1`, in bytes. Default 4 MiB. */
  readonly keptTail?: number;
}

/** Appends; past the cap the file is cut down in place, so that all who append to it go on at its new end. */
export function boundedWriter({ file, descriptor, cap = 16 * 1024 * 1024, keptTail = 4 * 1024 * 1024 }: BoundedFile) {
  const isOurs = isSameFile(descriptor, file);
  let size = isOurs ? fstatSync(descriptor).size : 0;
  return (line: string): void => {
    try {
      if (isOurs && size > cap) {
        size = 0;
        cut(file, descriptor, keptTail);
      }
      size += writeSync(descriptor, line);
    } catch {
      // On a full disk nobody can be told, and a daemon that ended for it could not be asked to make room.
    }
  };
}

function cut(file: string, descriptor: number, keptTail: number): void {
  const tail = tailOf(file, keptTail);
  // First, so that a full disk has room for the rest.
  ftruncateSync(descriptor);
  writeFileSync(`${file}.1`, tail, { mode: 0o600 });
}

function tailOf(file: string, length: number): Buffer {
  const reading = openSync(file, "r");
  try {
    const { size } = fstatSync(reading);
    const buffer = Buffer.alloc(Math.min(size, length));
    return buffer.subarray(0, readSync(reading, buffer, 0, buffer.length, size - buffer.length));
  } finally {
    closeSync(reading);
  }
}

function isSameFile(descriptor: number, file: string): boolean {
  const [open, named] = [fstatSync(descriptor), statSync(file, { throwIfNoEntry: false })];
  return open.isFile() && named?.ino === open.ino && named.dev === open.dev;
}
