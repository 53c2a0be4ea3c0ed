// Headers of a tar stream whose names are bytes. tar-stream writes names as UTF-8, which would change those that are not.
// POSIX ustar, with pax records (IEEE Std 1003.1, pax Interchange Format) for what does not fit.
import { bytesOf } from "./names.ts";

const BLOCK = 512;
const MAX_FIELD = 100;
const MAX_OCTAL_SIZE = 0o77777777777;

export interface TarEntry {
  /** One character a byte; a directory ends in `/`. */
  readonly name: string;
  readonly kind: "file" | "symlink" | "directory";
  readonly mode: number;
  /** Seconds since the epoch. */
  readonly mtime: number;
  /** Bytes; 0 but for files. */
  readonly size: number;
  /** Target of a symlink, one character a byte. */
  readonly target?: string;
  /** What the guest is to find in its place (`wasOf`); undefined for whatever is there. */
  readonly was?: string | undefined;
}

const TYPES = { file: "0", symlink: "2", directory: "5" } as const;

/** The blocks before the content. The content follows, then `padding(size)`. */
export function tarHeader(entry: TarEntry): Buffer {
  const records = [
    ...(entry.name.length > MAX_FIELD ? [paxRecord("path", entry.name)] : []),
    ...((entry.target?.length ?? 0) > MAX_FIELD ? [paxRecord("linkpath", entry.target ?? "")] : []),
    ...(entry.size > MAX_OCTAL_SIZE ? [paxRecord("size", `${entry.size}`)] : []),
    ...(entry.was === undefined ? [] : [paxRecord("BANGER.was", entry.was)]),
  ];
  const header = ustar(entry, TYPES[entry.kind]);
  if (records.length === 0) return header;
  const pax = bytesOf(records.join(""));
  const before = ustar({ name: "pax", kind: "file", mode: 0o644, mtime: entry.mtime, size: pax.length }, "x");
  return Buffer.concat([before, pax, padding(pax.length), header]);
}

/** Zeros up to the next block. */
export function padding(size: number): Buffer {
  return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
}

/** What ends an archive. */
export function tarEnd(): Buffer {
  return Buffer.alloc(2 * BLOCK);
}

function ustar(entry: TarEntry, type: string): Buffer {
  const header = Buffer.alloc(BLOCK);
  header.write(entry.name.slice(0, MAX_FIELD), 0, "latin1");
  header.write(octal(entry.mode, 7), 100, "latin1");
  header.write(octal(0, 7), 108, "latin1");
  header.write(octal(0, 7), 116, "latin1");
  header.write(octal(entry.size > MAX_OCTAL_SIZE ? 0 : entry.size, 11), 124, "latin1");
  header.write(octal(Math.max(0, Math.floor(entry.mtime)), 11), 136, "latin1");
  header.write(" ".repeat(8), 148, "latin1");
  header.write(type, 156, "latin1");
  header.write((entry.target ?? "").slice(0, MAX_FIELD), 157, "latin1");
  header.write("ustar\u000000", 257, "latin1");
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(sum, 6)}\0 `, 148, "latin1");
  return header;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}

/** `LENGTH key=value\n`, where the length counts itself. */
function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length + 1;
  while (`${length}`.length + rest.length !== length) length = `${length}`.length + rest.length;
  return `${length}${rest}`;
}
