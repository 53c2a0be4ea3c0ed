// Brings a copy in a guest up to date with the host: only what changed here since the last copy goes. What the guest changed is
// in the way where both did; then nothing is written, unless it is told to be overwritten.
import { join } from "node:path";
import { routes, type Client } from "@banger/api";
import { GUEST_LIMITS, identifyNames, listTree, selectionOf, selections, type GuestDirectory } from "@banger/api/guest-tree";
import { tellerOf, type GuestWorkspace } from "./changes-source.ts";
import { difference, type FileState, type FileStates } from "./changes.ts";
import { cleanTreeOf, keepPacks, upload } from "./copy-in.ts";
import type { PlannedFile } from "./file-set.ts";
import type { Git } from "./git.ts";
import { hostFiles, unlikeIndex } from "./host-tree.ts";
import { isAncestor } from "./into-repository.ts";
import { nameOfText, type FileName } from "./names.ts";
import type { WorkspacePlan } from "./plan.ts";
import { placesTaken, type Listing, type Obstacle } from "./prepare-obstacles.ts";
import { gitTarget, makeFollow, planGit, type Followed, type GitFollow } from "./prepare-git.ts";
import { convertedNames } from "./pull-work-tree.ts";
import { sendFiles, type SendReport } from "./send-files.ts";
import type { WorkspaceRecord, WorkspaceStore } from "./store.ts";

export interface PrepareRequest {
  readonly git: Git;
  readonly store: WorkspaceStore;
  readonly record: WorkspaceRecord;
  readonly plan: WorkspacePlan;
  readonly client: Client;
  readonly vm: { readonly id: string; readonly name: string };
  /** An empty directory of ours. */
  readonly scratch: string;
  readonly nowMs: number;
  readonly onProgress?: ((files: number, bytes: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface PreparePlan {
  /** The host's files now. */
  readonly files: FileStates;
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

export interface Prepared {
  readonly record: WorkspaceRecord;
  readonly vanished: readonly FileName[];
}

/** Does what was planned; one that is cut off is done again by the next. */
export async function carryOutPrepare(request: PrepareRequest, plan: PreparePlan): Promise<Prepared> {
  const { git, store, record } = request;
  const sent = await store.readTree(git, record.baseTree);
  if (
    plan.send.length + plan.remove.length + plan.inTheWay.length === 0 &&
    plan.follow === undefined &&
    difference(sent, plan.files).length === 0
  )
    return { record, vanished: [] };
  const target = gitTarget(request.plan);
  const tree = await store.changeTree(git, record.baseTree, difference(sent, plan.files));
  const pending = [...(record.attempts ?? []), { tree, git: target }];
  await store.saveRecord({ ...record, attempts: pending });
  const directory = join(request.scratch, "follow");
  const followed =
    plan.follow === undefined ? undefined : await makeFollow({ git, plan: request.plan, record, follow: plan.follow, directory });
  await removeInGuest(request, [...plan.remove, ...plan.inTheWay.flatMap(({ removes }) => removes), ...mayBeDirectories(plan, sent)]);
  const report = await send(request, { plan, followed, directory });
  if (followed !== undefined) await keepPacks(directory, store);
  return { record: await remember(request, { plan, report, sent, followed }), vanished: report.vanished };
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

/** New names: where a directory was sent, or made, that is empty now. */
function mayBeDirectories({ send: files }: PreparePlan, sent: FileStates): readonly FileName[] {
  return files.map(({ name }) => name).filter((name) => !sent.has(name));
}

async function removeInGuest({ client, vm, record }: PrepareRequest, names: readonly FileName[]): Promise<void> {
  for (const some of selections(names)) {
    await client.call(routes.vmFilesRemove, { params: { name: vm.name }, body: selectionOf(record.guestPath, some) });
  }
}

interface Sending {
  readonly plan: PreparePlan;
  readonly followed: Followed | undefined;
  readonly directory: string;
}

async function send(request: PrepareRequest, { plan, followed, directory }: Sending): Promise<SendReport> {
  const { store, onProgress } = request;
  const report: SendReport = { sent: [], vanished: [], again: [], torn: [] };
  const { objects } = store;
  const keeps = (file: PlannedFile) => file.indexId === undefined || plan.dirty.has(file.name);
  const gitFiles = (followed?.files ?? []).map((name) => ({
    name: nameOfText(name),
    kind: "file" as const,
    size: 0,
    indexId: undefined,
    isTracked: false,
  }));
  const unread: SendReport = { sent: [], vanished: [], again: [], torn: [] };
  const top = request.plan.sourceTop;
  if (plan.send.length + gitFiles.length > 0)
    await upload(request, [
      sendFiles({ top, files: plan.send, objects, keeps, onProgress }, report),
      sendFiles({ top: directory, files: gitFiles, objects, keeps: () => false }, unread),
    ]);
  if (report.again.length > 0)
    await upload(request, [sendFiles({ top, files: report.again.splice(0), objects, keeps: () => true }, report)]);
  return report;
}

interface Done {
  readonly plan: PreparePlan;
  readonly report: SendReport;
  readonly sent: FileStates;
  readonly followed: Followed | undefined;
}

async function remember(request: PrepareRequest, { plan, report, sent, followed }: Done): Promise<WorkspaceRecord> {
  const { git, store, record, nowMs } = request;
  const now = new Map(plan.files);
  for (const { name, mode, id } of report.sent) now.set(name, { mode, id });
  // What has gone in the meantime was not sent: the guest has it as before.
  for (const name of report.vanished) {
    const before = sent.get(name);
    if (before === undefined) now.delete(name);
    else now.set(name, before);
  }
  const changes = difference(sent, now);
  const baseTree = await store.changeTree(git, record.baseTree, changes);
  const cleanTree = await cleanTreeOf({ git, store, plan: request.plan, dirty: plan.dirty }, baseTree, now);
  const { head, branch, index } = gitTarget(request.plan);
  const { attempts: _attempts, cleanTree: cleanBefore, ...kept } = record;
  const next: WorkspaceRecord = {
    ...kept,
    ...(record.takenTree === undefined ? {} : { takenTree: await store.changeTree(git, record.takenTree, changes) }),
    ...(record.pulledTree === undefined ? {} : { pulledTree: await store.changeTree(git, record.pulledTree, changes) }),
    ...(await movedBranchPull(request, { changes, cleanBefore: cleanBefore ?? record.baseTree, cleanAfter: cleanTree ?? baseTree })),
    head,
    branch,
    index,
    baseTree,
    ...(cleanTree === undefined ? {} : { cleanTree }),
    copiedAt: new Date(nowMs).toISOString(),
    includeUntracked: request.plan.request.includeUntracked,
    shallow: [...(followed?.shallow ?? record.shallow ?? [])],
    branches: { ...record.branches, ...(branch === null || head === null ? {} : { [branch]: head }) },
  };
  await store.saveRecord(next);
  return next;
}

interface Moved {
  readonly changes: ReturnType<typeof difference>;
  readonly cleanBefore: string;
  readonly cleanAfter: string;
}

/** What was sent is not the guest's work: the branch's next commits are told from it. */
async function movedBranchPull(
  { git, store, record: { branchPull } }: PrepareRequest,
  { changes, cleanBefore, cleanAfter }: Moved,
): Promise<Pick<WorkspaceRecord, "branchPull">> {
  if (branchPull === undefined) return {};
  const tree = await store.changeTree(git, branchPull.tree, changes);
  const clean = difference(await store.readTree(git, cleanBefore), await store.readTree(git, cleanAfter));
  return { branchPull: { ...branchPull, tree, cleanTree: await store.changeTree(git, branchPull.cleanTree, clean) } };
}
