// The files of the host's work tree now, byte by byte as they are there, for comparing with what a guest got or made. What git
// knows to be unchanged is not read.
import { closeSync, readlinkSync, type Stats } from "node:fs";
import type { FileState, FileStates } from "./changes.ts";
import { readWhole } from "./batch.ts";
import { blobHash, blobId, writeBlob } from "./blob-writer.ts";
import type { Git } from "./git.ts";
import { lookBelow, pathBelow } from "./look.ts";
import { splitNul, type FileName } from "./names.ts";
import type { IndexEntry } from "./repository.ts";
import { openFile } from "./send-files.ts";

export interface HostFilesRequest {
  /** Where the files are. */
  readonly top: string;
  readonly index: readonly IndexEntry[];
  /** Further names to look for, which git may not know. */
  readonly names: Iterable<FileName>;
  /** Whether the content is not known to be the index's, and must be read. */
  readonly mustRead: (name: FileName) => boolean;
  /** Directory of objects that gets what is read. */
  readonly objects: string;
}

/** Names that hold a file or a symlink that can be read, with what they hold. */
export async function hostFiles({ top, index, names, mustRead, objects }: HostFilesRequest): Promise<FileStates> {
  const look = lookBelow(top);
  const tracked = trackedOnce(index);
  const files = new Map<FileName, FileState>();
  let serial = 0;
  for (const name of new Set([...index.map((entry) => entry.name), ...names])) {
    const found = look(name);
    if (found.kind !== "symlink" && !(found.kind === "file" && found.readable)) continue;
    const entry = tracked.get(name);
    const mode = found.kind === "symlink" ? "120000" : (found.mode & 0o100) === 0 ? "100644" : "100755";
    if (entry !== undefined && !mustRead(name)) files.set(name, { mode, id: entry.id });
    else {
      const state = await keepHostFile(pathBelow(top, name), objects, serial);
      if (state !== undefined) files.set(name, state);
      serial += 1;
    }
  }
  return files;
}

/** Tracked names whose files git does not know to be those of the index. No filter runs to find out. */
export async function unlikeIndex(git: Git, top: string, indexFile: string): Promise<ReadonlySet<FileName>> {
  const settings = await withoutFilters(git, top);
  const answer = await git.run([...settings, "diff-files", "-z", "--name-only"], { cwd: top, variables: { GIT_INDEX_FILE: indexFile } });
  return new Set(splitNul(answer.stdout));
}

/** Files as git would have them: where the index has the content in another form, that one. */
export function inGitForm(files: FileStates, index: readonly IndexEntry[], isUnlike: (name: FileName) => boolean): FileStates {
  const tracked = trackedOnce(index);
  return new Map([...files].map(([name, state]) => [name, isUnlike(name) ? state : { ...state, id: tracked.get(name)?.id ?? state.id }]));
}

/**
 * Settings that keep git from running filters: .gitattributes that came from a guest could name one. What a filter would have made
 * equal then looks changed, and is read.
 */
async function withoutFilters(git: Git, top: string): Promise<readonly string[]> {
  const answer = await git.run(["config", "--name-only", "-z", "--get-regexp", "^filter\\."], { cwd: top, accept: [1] });
  const drivers = new Set(splitNul(answer.stdout).map((key) => key.slice(0, key.lastIndexOf("."))));
  return [...drivers].flatMap((driver) => ["-c", `${driver}.clean=`, "-c", `${driver}.process=`, "-c", `${driver}.required=false`]);
}

/** Index entries of names that have one. */
export function trackedOnce(index: readonly IndexEntry[]): ReadonlyMap<FileName, IndexEntry> {
  const found = new Map<FileName, IndexEntry>();
  const twice = new Set<FileName>();
  for (const entry of index) {
    if (found.has(entry.name)) twice.add(entry.name);
    found.set(entry.name, entry);
  }
  for (const name of twice) found.delete(name);
  return found;
}

const PIECE = 256 * 1024;

/** What is at a path, its content kept in the directory of objects; undefined when it is neither file nor symlink. */
export async function keepHostFile(path: Buffer, objects: string, serial: number): Promise<FileState | undefined> {
  const target = readTarget(path);
  if (target !== undefined) {
    const writer = writeBlob(objects, target.length, serial);
    await writer.write(target);
    return { mode: "120000", id: await writer.finish() };
  }
  const opened = openFile(path);
  if (opened === undefined) return undefined;
  const writer = writeBlob(objects, opened.stats.size, serial);
  let isDone = false;
  try {
    for (const piece of piecesOf(opened)) await writer.write(piece);
    const id = await writer.finish();
    isDone = true;
    return { mode: modeOf(opened.stats), id };
  } finally {
    closeSync(opened.descriptor);
    if (!isDone) await writer.abandon();
  }
}

/** The same without keeping it. */
export function stateOnHost(path: Buffer): FileState | undefined {
  const target = readTarget(path);
  if (target !== undefined) return { mode: "120000", id: blobId(target) };
  const opened = openFile(path);
  if (opened === undefined) return undefined;
  try {
    const hash = blobHash(opened.stats.size);
    for (const piece of piecesOf(opened)) hash.update(piece);
    return { mode: modeOf(opened.stats), id: hash.digest("hex") };
  } finally {
    closeSync(opened.descriptor);
  }
}

function modeOf({ mode }: Stats): string {
  return (mode & 0o100) === 0 ? "100644" : "100755";
}

/** As many bytes as the file had when it was opened; zeros for those that have gone since. */
function* piecesOf({ descriptor, stats }: { readonly descriptor: number; readonly stats: Stats }): Generator<Buffer> {
  for (let left = stats.size; left > 0;) {
    const piece = Buffer.allocUnsafe(Math.min(left, PIECE));
    piece.fill(0, readWhole(descriptor, piece));
    left -= piece.length;
    yield piece;
  }
}

function readTarget(path: Buffer): Buffer | undefined {
  try {
    return readlinkSync(path, { encoding: "buffer" });
  } catch (error) {
    if (["EINVAL", "ENOENT", "ENOTDIR", "ELOOP"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}
