// Which branches and stashes of a guest hold commits that are nowhere else. What is checked out is in the files, what was sent is on
// the host, what a remote branch is at can be fetched; everything else goes with the guest's disk. Refs are read as bytes and parsed
// here, https://git-scm.com/docs/gitrepository-layout; no git runs on them. What only a tag or a reflog names is not looked for.
import type { Readable } from "node:stream";
import { BangerError } from "./errors.ts";
import { nameOfText, shownName, type FileName } from "./file-names.ts";
import type { ReadGuestFiles } from "./guest-index.ts";
import { GUEST_LIMITS, readEntries } from "./guest-tree.ts";

export interface RefReader {
  /** A list of what is below a directory of the workspace (`TreeTeller`). Throws `guest.path_not_found`. */
  readonly list: (name: string) => Promise<Readable>;
  readonly read: ReadGuestFiles;
}

/** Loose refs that are looked through. */
const MAX_REFS = 200_000;
/** Refs that are told of. */
const MAX_TOLD = 100;
const MAX_LOOSE_BYTES = 4096;
const MAX_PACKED_BYTES = 32 * 1024 * 1024;

const HEAD = nameOfText(".git/HEAD");
const PACKED = nameOfText(".git/packed-refs");
/** `refs/banger` has commits that a forced `prepare` passed over. */
const OWN = /^refs\/(heads\/|stash$|banger\/)/;
const REMOTE = /^refs\/remotes\//;

/** Names for people, such as `refs/heads/wip`; `known` are commits that the host has. Throws `workspace.unsupported`. */
export async function lonelyRefs(reader: RefReader, known: Iterable<string>): Promise<readonly string[]> {
  const loose = await looseNames(reader);
  const files = await reader.read([HEAD, PACKED], MAX_PACKED_BYTES);
  const packed = packedRefs(textOf(files, PACKED));
  const own = await valuesOf(reader, { loose, packed, kind: OWN });
  const head = textOf(files, HEAD).trim();
  if (head === "ref: refs/heads/.invalid" && own.size === 0)
    throw new BangerError("workspace.unsupported", "the branches in the guest cannot be told: its repository keeps them as a reftable");
  const isElsewhere = elsewhere([...known, head, own.get(head.replace(/^ref: /, "") as FileName) ?? ""]);
  const alone = [...own].filter(([, value]) => !isElsewhere(value));
  if (alone.length === 0) return [];
  const isFetchable = elsewhere((await valuesOf(reader, { loose, packed, kind: REMOTE })).values());
  return alone
    .flatMap(([name, value]) => (isFetchable(value) ? [] : [shownName(name)]))
    .toSorted()
    .slice(0, MAX_TOLD);
}

/** A ref that stands for another one is told by that; one that cannot be read may hold anything. */
function elsewhere(commits: Iterable<string>): (value: string) => boolean {
  const all = new Set(commits);
  return (value) => value.startsWith("ref: ") || (value !== "" && all.has(value));
}

async function looseNames(reader: RefReader): Promise<readonly FileName[]> {
  let listing: Readable;
  try {
    listing = await reader.list(".git/refs");
  } catch (error) {
    if (error instanceof BangerError && error.code === "guest.path_not_found") return [];
    throw error;
  }
  const entries = await readEntries(listing, { ...GUEST_LIMITS, entries: MAX_REFS });
  // Git takes no such name for a ref.
  return [...entries.keys()].filter((name) => !name.endsWith(".lock")).map((name) => `refs/${name}` as FileName);
}

interface Refs {
  readonly loose: readonly FileName[];
  readonly packed: ReadonlyMap<FileName, string>;
  readonly kind: RegExp;
}

async function valuesOf(reader: RefReader, { loose, packed, kind }: Refs): Promise<ReadonlyMap<FileName, string>> {
  const names = loose.filter((name) => kind.test(name));
  const files = await reader.read(
    names.map((name) => `.git/${name}` as FileName),
    MAX_LOOSE_BYTES,
  );
  const values = new Map([...packed].filter(([name]) => kind.test(name)));
  for (const name of names) values.set(name, /^(ref: \S+|[0-9a-f]{40})\s*$/.exec(textOf(files, `.git/${name}` as FileName))?.[1] ?? "");
  return values;
}

function packedRefs(text: string): ReadonlyMap<FileName, string> {
  return new Map([...text.matchAll(/^([0-9a-f]{40}) (refs\/.+)$/gm)].map(([, commit = "", name = ""]) => [name as FileName, commit]));
}

function textOf(files: ReadonlyMap<FileName, Buffer>, name: FileName): string {
  return files.get(name)?.toString("latin1") ?? "";
}
