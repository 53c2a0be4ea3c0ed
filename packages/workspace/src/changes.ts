// What a guest has changed since the copy, as a tree in the store. The guest lists and sends; it needs no git, and its index, work
// tree and refs are not touched. What it tells decides nothing but which contents are asked for.
import { isUntouched, type Manifest, type ManifestEntry } from "@banger/api/guest-manifest";
import type { ListedTree } from "@banger/api/guest-tree";
import type { ChangesSource } from "./changes-source.ts";
import type { Git } from "./git.ts";
import { ignoredNames, isIgnoreFile, matchedNames } from "./ignored.ts";
import type { FileName } from "./names.ts";
import type { TreeChange, WorkspaceRecord, WorkspaceStore } from "./store.ts";

export interface ChangesRequest {
  readonly git: Git;
  readonly store: WorkspaceStore;
  readonly record: WorkspaceRecord;
  /** The guest, or what was kept of it. */
  readonly source: ChangesSource;
  /** An empty directory of ours. */
  readonly scratch: string;
  readonly onProgress?: ((files: number, bytes: number) => void) | undefined;
  /** Patterns of ignored files that come nevertheless. */
  readonly includeIgnored?: readonly string[] | undefined;
}

export interface Changes {
  readonly baseTree: string;
  /** The guest's files now, ignored ones left out. */
  readonly tree: string;
  readonly changed: readonly TreeChange[];
  /** Directories left out because they are repositories of their own. */
  readonly repositories: readonly FileName[];
}

export interface FileState {
  readonly mode: string;
  readonly id: string;
}
/** The files of a tree. */
export type FileStates = ReadonlyMap<FileName, FileState>;

export async function collectChanges(request: ChangesRequest): Promise<Changes> {
  const { git, store, record, source } = request;
  const base = await store.readTree(git, record.baseTree);
  const seen = await readSeen(request);
  const known = (await store.stamped()) ?? (await source.known());
  const { files, repositories } = await source.list(base.keys());
  const names = [...files.keys()];
  const here = idsOf(base, seen);
  const now = untouchedFiles(files, known, here);
  const identified = await source.identify(names.filter((name) => !now.has(name) && (base.has(name) || seen.has(name))));
  for (const [name, { mode, id }] of identified) if (here.has(id)) now.set(name, { mode, id });
  const missing = names.filter((name) => !now.has(name));
  const fetching = { objects: store.objects, onProgress: request.onProgress };
  const [early, late] = partition(missing, (name) => base.has(name) || isIgnoreFile(name));
  const first = await source.fetch(early, fetching);
  const added = names.filter((name) => !base.has(name));
  const ignored = await ignoredIn(request, { files, now: new Map([...now, ...first]), added });
  const rest = await source.fetch(
    late.filter((name) => !ignored.has(name)),
    fetching,
  );
  for (const [name, { mode, id }] of [...first, ...rest]) now.set(name, { mode, id });
  for (const name of ignored) now.delete(name);
  const changed = difference(base, now);
  const tree = await store.changeTree(git, record.baseTree, changed);
  await store.saveSeen(tree);
  const stamped = withStamps(now, files);
  // Of what was kept there are none: those of the guest's disk stay.
  if (stamped.size > 0) await store.saveStamped(stamped);
  return { baseTree: record.baseTree, tree, changed, repositories };
}

/** Exported for tests. What holds the content it is known by; `here` are the contents that may be taken so. */
export function untouchedFiles(files: ListedTree["files"], known: Manifest, here: ReadonlySet<string>): Map<FileName, FileState> {
  const untouched = new Map<FileName, FileState>();
  for (const [name, entry] of files) {
    const before = known.get(name);
    if (before !== undefined && isUntouched(before, entry) && here.has(before.id))
      untouched.set(name, { mode: before.mode, id: before.id });
  }
  return untouched;
}

/**
 * What the files hold, by the stamps of the list. They were read after it: one that was written in between will not have that
 * stamp again.
 */
function withStamps(now: FileStates, files: ListedTree["files"]): Manifest {
  const stamped = new Map<FileName, ManifestEntry>();
  for (const [name, { mode, id }] of now) {
    const stamp = files.get(name)?.stamp ?? "";
    if (stamp !== "") stamped.set(name, { mode, id, stamp });
  }
  return stamped;
}

/** Nothing, when it was never looked at or the tree has gone. */
async function readSeen({ git, store }: ChangesRequest): Promise<FileStates> {
  const tree = await store.seen();
  return tree === undefined ? new Map() : await store.readTree(git, tree).catch(() => new Map());
}

/**
 * Contents that went to this guest or came from it. A guest may name any other content that the repository happens to have: it is
 * asked for that one, so that nothing it has not seen can become its file.
 */
function idsOf(...trees: readonly FileStates[]): ReadonlySet<string> {
  return new Set(trees.flatMap((tree) => [...tree.values()].map(({ id }) => id)));
}

function partition<T>(list: readonly T[], isFirst: (item: T) => boolean): readonly [first: readonly T[], rest: readonly T[]] {
  return [list.filter(isFirst), list.filter((item) => !isFirst(item))];
}

/** What to set and to remove to come from one set of files to another. */
export function difference(before: FileStates, after: FileStates): readonly TreeChange[] {
  const changes: TreeChange[] = [];
  for (const [name, { mode, id }] of after) {
    const known = before.get(name);
    if (known?.id !== id || known.mode !== mode) changes.push({ name, mode, id });
  }
  for (const [name, { mode }] of before) {
    if (!after.has(name)) changes.push({ name, mode, id: undefined });
  }
  return changes;
}

interface IgnoreInputs {
  readonly files: ListedTree["files"];
  /** Contents that are here, the guest's .gitignore files among them. */
  readonly now: FileStates;
  readonly added: readonly FileName[];
}

async function ignoredIn(
  { git, store, source, scratch, includeIgnored = [] }: ChangesRequest,
  { files, now, added }: IgnoreInputs,
): Promise<ReadonlySet<FileName>> {
  const ignoreFiles = new Map<FileName, string>();
  for (const [name, { mode, id }] of now) {
    if (isIgnoreFile(name) && files.has(name) && mode !== "120000") ignoreFiles.set(name, id);
  }
  const ignored = await ignoredNames(git, { store, scratch, ignoreFiles, names: added });
  const wanted = await matchedNames(git, { store, patterns: includeIgnored, names: ignored });
  const tracked = await source.tracked(ignored);
  return new Set([...ignored].filter((name) => !wanted.has(name) && !tracked.has(name)));
}
