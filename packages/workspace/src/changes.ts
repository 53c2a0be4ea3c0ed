// What a guest has changed since the copy, as a tree in the store. The guest lists and sends; it needs no git, and its index, work
// tree and refs are not touched. What it tells decides nothing but which contents are asked for.
import type { ListedTree } from "@banger/api";
import type { ChangesSource } from "./changes-source.ts";
import type { FetchedBlob } from "./fetch-blobs.ts";
import type { Git } from "./git.ts";
import { ignoredNames, isIgnoreFile } from "./ignored.ts";
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
}

export interface Changes {
  readonly baseTree: string;
  /** The guest's files now, ignored ones left out. */
  readonly tree: string;
  readonly changed: readonly TreeChange[];
  /** Directories left out because they are repositories of their own. */
  readonly repositories: readonly FileName[];
}

type Known = ReadonlyMap<FileName, { readonly mode: string; readonly id: string }>;

export async function collectChanges(request: ChangesRequest): Promise<Changes> {
  const { git, store, record, source } = request;
  const base = await store.readTree(git, record.baseTree);
  const { files, repositories } = await source.list(base.keys());
  const known = [...files.keys()].filter((name) => base.has(name));
  const added = [...files.keys()].filter((name) => !base.has(name));
  const identified = await source.identify(known);
  const edited = new Set(known.filter((name) => identified.get(name)?.id !== base.get(name)?.id));
  const fetching = { objects: store.objects, onProgress: request.onProgress };
  const early = await source.fetch([...edited, ...added.filter(isIgnoreFile)], fetching);
  const ignored = await ignoredIn(request, { files, base, early, added });
  const rest = await source.fetch(
    added.filter((name) => !ignored.has(name) && !early.has(name)),
    fetching,
  );
  const now = new Map<FileName, { readonly mode: string; readonly id: string }>();
  for (const name of known) {
    const entry = early.get(name) ?? (edited.has(name) ? undefined : identified.get(name));
    if (entry !== undefined) now.set(name, entry);
  }
  for (const name of added) {
    const blob = ignored.has(name) ? undefined : (rest.get(name) ?? early.get(name));
    if (blob !== undefined) now.set(name, blob);
  }
  const changed = difference(base, now);
  return { baseTree: record.baseTree, tree: await store.changeTree(git, record.baseTree, changed), changed, repositories };
}

/** What to set and to remove to come from one set of files to another. */
export function difference(before: Known, after: Known): readonly TreeChange[] {
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
  readonly base: Known;
  readonly early: ReadonlyMap<FileName, FetchedBlob>;
  readonly added: readonly FileName[];
}

async function ignoredIn(
  { git, store, scratch }: ChangesRequest,
  { files, base, early, added }: IgnoreInputs,
): Promise<ReadonlySet<FileName>> {
  const ignoreFiles = new Map<FileName, string>();
  for (const source of [base, early]) {
    for (const [name, { mode, id }] of source) {
      if (isIgnoreFile(name) && files.has(name) && mode !== "120000") ignoreFiles.set(name, id);
    }
  }
  return await ignoredNames(git, { store, scratch, ignoreFiles, names: added });
}
