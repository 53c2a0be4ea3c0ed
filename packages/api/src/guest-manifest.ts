// What a guest holds of a workspace as far as is known: names, modes, ids of contents, and the stamps by which an untouched
// file is told without reading it. The answer of `git ls-tree -r -z`, with the stamp as one word more where there is one.
import { BangerError } from "./errors.ts";
import { bytesOf, nameOfBytes, shownName, unsafeReason, type FileName } from "./file-names.ts";
import { GUEST_LIMITS, refuseInside, type GuestEntry } from "./guest-tree.ts";

export interface ManifestEntry {
  /** `100644`, `100755`, `120000`. */
  readonly mode: string;
  /** Git's id of the content. */
  readonly id: string;
  /** Empty when it must be read to be compared. */
  readonly stamp: string;
}

export type Manifest = ReadonlyMap<FileName, ManifestEntry>;

/**
 * Whether a listed file is what it was when it got its stamp. That a guest lies about it is its own affair: it is then taken
 * to hold what it is known to have held.
 */
export function isUntouched({ mode, stamp }: ManifestEntry, now: Pick<GuestEntry, "mode" | "stamp">): boolean {
  return stamp !== "" && now.stamp === stamp && now.mode === mode;
}

/** Longest entry: a name and what is before it. */
const MAX_ENTRY = 8192;
const HEAD = /^(100644|100755|120000) blob ([0-9a-f]{40})(?: ([0-9a-f]{16}))?$/;
/** Entries written at once. */
const BATCH = 4096;

/** Throws `api.bad_request` for what is no such answer, `workspace.unsafe` for names that must not be. */
export async function parseManifest(source: AsyncIterable<Uint8Array>): Promise<Manifest> {
  const entries = new Map<FileName, ManifestEntry>();
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of source as AsyncIterable<Buffer>) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let from = 0;
    for (let at = rest.indexOf(0); at !== -1; at = rest.indexOf(0, from)) {
      addEntry(entries, nameOfBytes(rest.subarray(from, at)));
      from = at + 1;
    }
    rest = rest.subarray(from);
    if (rest.length > MAX_ENTRY) throw malformed("an entry of it is too long");
  }
  if (rest.length > 0) throw malformed("it breaks off");
  refuseInside(entries);
  return entries;
}

function addEntry(entries: Map<FileName, ManifestEntry>, line: string): void {
  const tab = line.indexOf("\t");
  const [, mode = "", id = "", stamp = ""] = HEAD.exec(line.slice(0, Math.max(tab, 0))) ?? [];
  if (mode === "") throw malformed("an entry of it is none");
  const name = line.slice(tab + 1) as FileName;
  const reason = unsafeReason(name);
  if (reason !== undefined) throw new BangerError("workspace.unsafe", `${shownName(name)} cannot be in a workspace: ${reason}`);
  if (entries.has(name)) throw malformed(`it has ${shownName(name)} twice`);
  entries.set(name, { mode, id, stamp });
  if (entries.size > GUEST_LIMITS.entries) throw malformed(`it has more than ${GUEST_LIMITS.entries} entries`);
}

export function* manifestBytes(manifest: Manifest): Generator<Buffer> {
  let batch: string[] = [];
  for (const [name, { mode, id, stamp }] of manifest) {
    batch.push(`${mode} blob ${id}${stamp === "" ? "" : ` ${stamp}`}\t${name}\0`);
    if (batch.length < BATCH) continue;
    yield bytesOf(batch.join(""));
    batch = [];
  }
  yield bytesOf(batch.join(""));
}

function malformed(why: string): BangerError {
  return new BangerError("api.bad_request", `the list of a workspace's files makes no sense: ${why}`);
}
