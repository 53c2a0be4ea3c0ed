// Reads a git index that a guest wrote, https://git-scm.com/docs/index-format, without git: what is staged there, to tell
// whether it is still what was sent.
import { createHash } from "node:crypto";
import type { FileName } from "./names.ts";
import type { IndexEntry } from "./repository.ts";

const HEADER = 12;
const FIXED = 62;
const MAX_ENTRIES = 2_000_000;

/** Undefined when it is none that can be read on its own, as a split one. */
export function readIndexFile(bytes: Buffer): readonly IndexEntry[] | undefined {
  if (bytes.length < HEADER || bytes.toString("latin1", 0, 4) !== "DIRC") return undefined;
  const version = bytes.readUInt32BE(4);
  const count = bytes.readUInt32BE(8);
  if (version < 2 || version > 4 || count > MAX_ENTRIES) return undefined;
  const entries: IndexEntry[] = [];
  let at = HEADER;
  let before = "";
  for (let left = count; left > 0; left -= 1) {
    const read = version === 4 ? readShort(bytes, at, before) : readPadded(bytes, at);
    if (read === undefined) return undefined;
    entries.push(read.entry);
    before = read.entry.name;
    at = read.end;
  }
  return hasLink(bytes, at) ? undefined : entries;
}

/** The same for what is in two indexes, whatever their form. */
export function indexDigest(entries: readonly IndexEntry[]): string {
  const hash = createHash("sha1");
  for (const { mode, id, stage, name } of entries) hash.update(`${mode} ${id} ${stage}\t${name}\0`, "latin1");
  return hash.digest("hex");
}

interface Read {
  readonly entry: IndexEntry;
  readonly end: number;
}

/** Where the name begins; a flag says whether there are two more bytes of flags. */
function nameStart(bytes: Buffer, at: number): number | undefined {
  if (at + FIXED + 2 > bytes.length) return undefined;
  return at + FIXED + ((bytes.readUInt16BE(at + 60) & 0x4000) === 0 ? 0 : 2);
}

function readPadded(bytes: Buffer, at: number): Read | undefined {
  const start = nameStart(bytes, at);
  const end = start === undefined ? -1 : bytes.indexOf(0, start);
  if (start === undefined || end === -1) return undefined;
  const padded = at + ((end - at + 8) & ~7);
  return padded > bytes.length ? undefined : { entry: entryAt(bytes, at, bytes.toString("latin1", start, end)), end: padded };
}

/** Version 4: the name says how much of the one before it to drop, and what to add. */
function readShort(bytes: Buffer, at: number, before: string): Read | undefined {
  let position = nameStart(bytes, at);
  if (position === undefined) return undefined;
  let dropped = 0;
  for (let isFirst = true; ; isFirst = false) {
    const byte = bytes[position];
    if (byte === undefined || dropped > before.length) return undefined;
    position += 1;
    dropped = (isFirst ? 0 : (dropped + 1) * 128) + (byte & 0x7f);
    if (byte < 0x80) break;
  }
  const end = bytes.indexOf(0, position);
  if (end === -1 || dropped > before.length) return undefined;
  const name = before.slice(0, before.length - dropped) + bytes.toString("latin1", position, end);
  return { entry: entryAt(bytes, at, name), end: end + 1 };
}

function entryAt(bytes: Buffer, at: number, name: string): IndexEntry {
  return {
    name: name as FileName,
    mode: bytes
      .readUInt32BE(at + 24)
      .toString(8)
      .padStart(6, "0"),
    id: bytes.toString("hex", at + 40, at + 60),
    stage: (bytes.readUInt16BE(at + 60) >> 12) & 3,
  };
}

/** Whether an extension says that the rest is in another file. */
function hasLink(bytes: Buffer, from: number): boolean {
  for (let at = from; at + 8 <= bytes.length - 20; at += 8 + bytes.readUInt32BE(at + 4)) {
    if (bytes.toString("latin1", at, at + 4) === "link") return true;
  }
  return false;
}
