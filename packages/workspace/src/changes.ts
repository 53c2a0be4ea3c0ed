// What a guest has changed since the copy, as a tree in the store. The guest lists and sends; it needs no git, and its index, work
// tree and refs are not touched. What it tells decides nothing but which contents are asked for.
import { BangerError } from "@banger/api";
import { fetchBlobs, type FetchedBlob } from "./fetch-blobs.ts";
import type { Git } from "./git.ts";
import { identifyInGuest, listGuest, type GuestEntry, type GuestWorkspace } from "./guest-tree.ts";
import { ignoredNames, isIgnoreFile } from "./ignored.ts";
import { bytesOf, type FileName } from "./names.ts";
import type { TreeChange, WorkspaceRecord, WorkspaceStore } from "./store.ts";

export interface ChangesRequest {
  readonly git: Git;
  readonly store: WorkspaceStore;
  readonly record: WorkspaceRecord;
  readonly guest: GuestWorkspace;
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
  const { git, store, record, guest } = request;
  const base = await store.readTree(git, record.baseTree);
  const { files, repositories } = await listFiles(guest, base);
  const known = [...files.keys()].filter((name) => base.has(name));
  const added = [...files.keys()].filter((name) => !base.has(name));
  const identified = await identifyInGuest(guest, known);
  const edited = new Set(known.filter((name) => identified.get(name)?.id !== base.get(name)?.id));
  const fetching = { objects: store.objects, onProgress: request.onProgress };
  const early = await fetchBlobs(guest, [...edited, ...added.filter(isIgnoreFile)], fetching);
  const ignored = await ignoredIn(request, { files, base, early, added });
  const rest = await fetchBlobs(
    guest,
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

interface Listed {
  readonly files: ReadonlyMap<FileName, GuestEntry>;
  readonly repositories: readonly FileName[];
}

/** How often repositories within repositories are looked into. */
const MAX_DEPTH = 8;

/** A directory that became a repository in the guest but holds files that were sent is looked into; others are left out. */
async function listFiles(guest: GuestWorkspace, base: Known): Promise<Listed> {
  const files = new Map<FileName, GuestEntry>();
  const repositories: FileName[] = [];
  const directories = directoriesOf(base);
  const visit = async (below: string, depth: number): Promise<void> => {
    const listed = await listGuest({ ...guest, path: below === "" ? guest.path : `${guest.path}/${textOf(below)}` });
    for (const entry of listed.values()) {
      const name = (below === "" ? entry.name : `${below}/${entry.name}`) as FileName;
      if (entry.type !== "repository") files.set(name, { ...entry, name });
      else if (directories.has(name) && depth < MAX_DEPTH) await visit(name, depth + 1);
      else repositories.push(name);
      if (files.size > guest.limits.entries)
        throw new BangerError("workspace.unsafe", `the guest tells of more than ${guest.limits.entries} files`);
    }
  };
  await visit("", 0);
  return { files, repositories };
}

function directoriesOf(base: Known): ReadonlySet<string> {
  const directories = new Set<string>();
  for (const name of base.keys()) {
    for (let at = name.lastIndexOf("/"); at !== -1; at = name.lastIndexOf("/", at - 1)) directories.add(name.slice(0, at));
  }
  return directories;
}

/** A path in a request is text. */
function textOf(name: string): string {
  const bytes = bytesOf(name);
  const text = bytes.toString("utf8");
  if (Buffer.from(text, "utf8").equals(bytes)) return text;
  throw new BangerError("workspace.unsupported", "a directory whose name is not UTF-8 became a repository in the guest");
}

interface IgnoreInputs {
  readonly files: Listed["files"];
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
