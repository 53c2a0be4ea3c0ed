// Reads a git index that a guest wrote, https://git-scm.com/docs/index-format, without git: what is staged there, and what git tracks.
import { nameOfText, type FileName } from "./file-names.ts";

export interface IndexEntry {
  readonly name: FileName;
  /** `100644`, `100755`, `120000`. */
  readonly mode: string;
  readonly id: string;
  /** 0; 1 to 3 in a conflict. */
  readonly stage: number;
}

const HEADER = 12;
const FIXED = 62;
const MAX_ENTRIES = 2_000_000;
/** Bytes of one name, and of all: a short form could make them larger than the file by far. */
const MAX_NAME = 4096;
const MAX_NAMES = 256 * 1024 * 1024;

/** Undefined when it is none that can be read on its own, as a split one. */
export function readIndexFile(bytes: Buffer): readonly IndexEntry[] | undefined {
  const entries: IndexEntry[] = [];
  const end = walkIndex(bytes, (name, at) => entries.push(entryAt(bytes, at, name)));
  return end === undefined || sharedIndex(bytes, end) !== undefined ? undefined : entries;
}

/** Contents of files of the guest, each of at most so many bytes; those that are not there are missing. */
export type ReadGuestFiles = (names: readonly FileName[], maxBytes: number) => Promise<ReadonlyMap<FileName, Buffer>>;

/** Bytes of an index of a million files. */
const MAX_INDEX = 128 * 1024 * 1024;

/** Those of the names that git tracks in the guest; none where its index is missing or makes no sense, as git tracks nothing then. */
export async function trackedNames(read: ReadGuestFiles, names: Iterable<FileName>): Promise<ReadonlySet<FileName>> {
  const among = new Set(names);
  const tracked = new Set<FileName>();
  const look = async (file: FileName): Promise<string | undefined> => {
    const bytes = (await read([file], MAX_INDEX)).get(file);
    if (bytes === undefined) return undefined;
    const end = walkIndex(bytes, (name) => among.has(name) && tracked.add(name));
    return end === undefined ? undefined : sharedIndex(bytes, end);
  };
  if (among.size === 0) return tracked;
  const shared = await look(nameOfText(".git/index"));
  if (shared !== undefined) await look(nameOfText(`.git/sharedindex.${shared}`));
  return tracked;
}

/** Calls for each entry with its name and where it begins; answers where the entries end, undefined when it is no index. */
function walkIndex(bytes: Buffer, visit: (name: FileName, at: number) => void): number | undefined {
  if (bytes.length < HEADER || bytes.toString("latin1", 0, 4) !== "DIRC") return undefined;
  const version = bytes.readUInt32BE(4);
  const count = bytes.readUInt32BE(8);
  if (version < 2 || version > 4 || count > MAX_ENTRIES) return undefined;
  let at = HEADER;
  let before = "";
  let total = 0;
  for (let left = count; left > 0; left -= 1) {
    const read = version === 4 ? readShort(bytes, at, before) : readPadded(bytes, at);
    if (read === undefined || read.name.length > MAX_NAME) return undefined;
    total += read.name.length;
    if (total > MAX_NAMES) return undefined;
    visit(read.name as FileName, at);
    before = read.name;
    at = read.end;
  }
  return at;
}

interface Read {
  readonly name: string;
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
  return padded > bytes.length ? undefined : { name: bytes.toString("latin1", start, end), end: padded };
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
  return { name: before.slice(0, before.length - dropped) + bytes.toString("latin1", position, end), end: end + 1 };
}

function entryAt(bytes: Buffer, at: number, name: FileName): IndexEntry {
  return {
    name,
    mode: bytes
      .readUInt32BE(at + 24)
      .toString(8)
      .padStart(6, "0"),
    id: bytes.toString("hex", at + 40, at + 60),
    stage: (bytes.readUInt16BE(at + 60) >> 12) & 3,
  };
}

/** The id of the file that an extension says the rest is in. */
function sharedIndex(bytes: Buffer, from: number): string | undefined {
  for (let at = from; at + 8 <= bytes.length - 20; at += 8 + bytes.readUInt32BE(at + 4)) {
    if (bytes.toString("latin1", at, at + 4) === "link") return bytes.toString("hex", at + 8, at + 28);
  }
  return undefined;
}
