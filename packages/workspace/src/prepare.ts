// Brings a copy in a guest up to date with the host: only what changed here since the last copy goes. What the guest changed is
// in the way where both did; then nothing is written, unless it is told to be overwritten.
import { GUEST_LIMITS, identifyNames, listTree, type GuestDirectory } from "@banger/api/guest-tree";
import { tellerOf, type GuestWorkspace } from "./changes-source.ts";
import { difference, type FileState, type FileStates } from "./changes.ts";
import type { PlannedFile } from "./file-set.ts";
import type { Git } from "./git.ts";
import { hostFiles, unlikeIndex } from "./host-files.ts";
import { isAncestor } from "./into-repository.ts";
import type { FileName } from "./names.ts";
import type { WorkspacePlan } from "./plan.ts";
import { placesTaken, type Listing, type Obstacle } from "./prepare-obstacles.ts";
import { planGit, type GitFollow } from "./prepare-git.ts";
import { convertedNames } from "./pull-work-tree.ts";
import type { WorkspaceRecord } from "./store.ts";
import type { IntoGuest } from "./upload.ts";

export interface PrepareRequest extends IntoGuest {
  readonly record: WorkspaceRecord;
  /** An empty directory of ours. */
  readonly scratch: string;
}

export interface PreparePlan {
  /** The host's files now. */
  readonly files: FileStates;
  /** What the guest has of those that changed. */
  readonly guestFiles: ReadonlyMap<FileName, FileState>;
  readonly send: readonly PlannedFile[];
  /** Files of the guest that go. */
  readonly remove: readonly FileName[];
  /** Undefined when branch, commits and index are where they were. */
  readonly follow: GitFollow | undefined;
  readonly inTheWay: readonly Obstacle[];
  readonly dirty: ReadonlySet<FileName>;
}

/** Reads and compares; nothing changes but the store. */
export async function planPrepare(request: PrepareRequest): Promise<PreparePlan> {
  const { git, store, record, plan } = request;
  const dirty = await dirtyNames(git, plan);
  const converted = await convertedNames(git, store, record);
  const files = await hostFiles({
    top: plan.sourceTop,
    index: plan.index,
    names: plan.fileSet.files.map(({ name }) => name),
    mustRead: (name) => dirty.has(name) || converted.has(name),
    objects: store.objects,
  });
  const sent = await store.readTree(git, record.baseTree);
  const names = await changedNames(request, { sent, files });
  const guest: GuestWorkspace = {
    client: request.client,
    vmName: request.vm.name,
    path: record.guestPath,
    limits: GUEST_LIMITS,
    signal: request.signal,
  };
  const there = await look(guest, names, files);
  const known = await knownStates(request, sent);
  const changed = names.filter((name) => !isSame(there.files.get(name), files.get(name)));
  const edited = changed.filter((name) => !known.some((states) => isSame(there.files.get(name), states.get(name))));
  const follow = await planGit(guest, plan, record);
  const planned = new Map(plan.fileSet.files.map((file) => [file.name, file]));
  return {
    files,
    guestFiles: there.files,
    send: changed.flatMap((name) => planned.get(name) ?? []),
    remove: changed.filter((name) => !files.has(name)),
    follow,
    inTheWay: [
      ...edited.map((name) => ({ name, reason: editOf(there.files.get(name)), removes: [], canForce: true })),
      ...placesTaken(changed, files, there),
      ...(follow?.obstacles ?? []).map((reason) => ({ name: undefined, reason, removes: [], canForce: true })),
    ],
    dirty,
  };
}

async function dirtyNames(git: Git, { sourceTop, repository, indexFile }: WorkspacePlan): Promise<ReadonlySet<FileName>> {
  return sourceTop === repository.top ? await unlikeIndex(git, sourceTop, indexFile) : new Set();
}

interface Compared {
  readonly sent: FileStates;
  readonly files: FileStates;
}

/** Since the last copy, or since one that was not finished. */
async function changedNames({ git, store, record }: PrepareRequest, { sent, files }: Compared): Promise<readonly FileName[]> {
  const names = new Set(difference(sent, files).map(({ name }) => name));
  for (const { tree } of record.attempts ?? []) for (const { name } of difference(await store.readTree(git, tree), files)) names.add(name);
  return [...names] as FileName[];
}

interface There extends Listing {
  readonly files: ReadonlyMap<FileName, FileState>;
}

async function look(guest: GuestWorkspace, names: readonly FileName[], wanted: FileStates): Promise<There> {
  if (names.length === 0) return { files: new Map(), all: new Set(), repositories: [] };
  const directory: GuestDirectory = { teller: tellerOf(guest), path: guest.path, limits: guest.limits };
  const files = await identifyNames(directory, names);
  if (!names.some((name) => wanted.has(name) && !files.has(name))) return { files, all: new Set(), repositories: [] };
  const listed = await listTree(directory, []);
  return { files, all: new Set(listed.files.keys()), repositories: listed.repositories };
}

/** What a file of the guest may be without being an edit of its own that would be lost. */
async function knownStates({ git, store, record, plan }: PrepareRequest, sent: FileStates): Promise<readonly FileStates[]> {
  const { pulledTree, branchPull, attempts = [] } = record;
  const { top, head } = plan.repository;
  const isMerged = branchPull !== undefined && head !== undefined && (await isAncestor(git, top, [branchPull.commit, head]));
  const trees = [pulledTree, isMerged ? branchPull.tree : undefined, ...attempts.map(({ tree }) => tree)];
  const known = [sent];
  for (const tree of new Set(trees)) if (tree !== undefined) known.push(await store.readTree(git, tree));
  return known;
}

function isSame(left: FileState | undefined, right: FileState | undefined): boolean {
  return left?.id === right?.id && left?.mode === right?.mode;
}

function editOf(state: FileState | undefined): string {
  return state === undefined ? "deleted in the guest" : "changed in the guest";
}
