// Copies a planned workspace into a VM, as one tar stream, and records what the guest got.
import { mkdir, readdir, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { difference, type FileStates } from "./changes.ts";
import type { PlannedFile } from "./file-set.ts";
import type { Git } from "./git.ts";
import { makeHistory } from "./history.ts";
import { inGitForm, unlikeIndex } from "./host-files.ts";
import { indexDigest } from "./index-file.ts";
import { splitNul, type FileName } from "./names.ts";
import type { WorkspacePlan } from "./plan.ts";
import { sendFiles, type SendReport } from "./send-files.ts";
import type { WorkspaceRecord, WorkspaceStore } from "./store.ts";
import { tarHeader } from "./tar-entry.ts";
import { upload, type IntoGuest } from "./upload.ts";

export interface CopyIn extends IntoGuest {
  /** Directory whose `.git` the guest gets (`prepareHistory`). */
  readonly history: string;
  /** Tells the daemon of the copy, before anybody can work in it: what it does not know of goes with the VM. */
  readonly register?: ((record: WorkspaceRecord) => Promise<unknown>) | undefined;
}

export interface CopyReport {
  readonly record: WorkspaceRecord;
  /** Gone since the list was made. */
  readonly vanished: readonly FileName[];
  /** Shrank while being read. */
  readonly torn: readonly FileName[];
}

/** Makes the guest's `.git` in `directory`; it can be under way while the guest boots. */
export async function prepareHistory(
  git: Git,
  options: { readonly plan: WorkspacePlan; readonly directory: string; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  const { repository, request, branch, commit, indexFile, index } = options.plan;
  await makeHistory(git, {
    repository,
    directory: options.directory,
    mode: request.mode,
    branch,
    commit,
    indexFile,
    index,
    signal: options.signal,
  });
}

export async function copyIn(copy: CopyIn): Promise<CopyReport> {
  const { git, plan, store } = copy;
  await store.remove();
  await store.create(git, plan.objects);
  await store.adoptExcludes(plan.repository.commonDirectory);
  const dirty = new Set<FileName>(await dirtyNames(git, plan));
  const report: SendReport = { sent: [], vanished: [], again: [], torn: [] };
  const keeps = (file: PlannedFile) => file.indexId === undefined || dirty.has(file.name);
  const { sourceTop: top, fileSet } = plan;
  await upload(copy, [
    sendFiles({ top, files: fileSet.files, objects: store.objects, keeps, onProgress: copy.onProgress }, report),
    sendHistory(copy.history, store.objects),
  ]);
  // What has changed since git looked at it is sent once more, and kept: the guest then has exactly what the record says.
  if (report.again.length > 0)
    await upload(copy, [
      sendFiles({ top, files: report.again.splice(0).map(({ file }) => file), objects: store.objects, keeps: () => true }, report),
    ]);
  await keepPacks(copy.history, store);
  const record = await remember(copy, { report, dirty });
  return { record, vanished: report.vanished, torn: report.torn };
}

interface Copied {
  readonly report: SendReport;
  readonly dirty: ReadonlySet<FileName>;
}

async function remember(
  { git, plan, store, vm, client, nowMs, history, register }: CopyIn,
  { report, dirty }: Copied,
): Promise<WorkspaceRecord> {
  const { request, commit, branch } = plan;
  const baseTree = await store.writeTree(git, report.sent);
  const files = new Map(report.sent.map(({ name, mode, id }) => [name, { mode, id }]));
  const cleanTree = await cleanTreeOf({ git, store, plan, dirty }, baseTree, files);
  const record: WorkspaceRecord = {
    version: 1,
    vmId: vm.id,
    vmName: vm.name,
    socket: client.socketPath,
    top: plan.repository.top,
    guestPath: request.guestPath,
    head: commit ?? null,
    branch: branch ?? null,
    baseTree,
    ...(cleanTree === undefined ? {} : { cleanTree }),
    copiedAt: new Date(nowMs).toISOString(),
    includeUntracked: request.includeUntracked,
    ...(request.from === undefined ? {} : { from: request.from }),
    hasOwnBranch: request.branch !== undefined,
    mode: request.mode,
    index: indexDigest(plan.index),
    shallow: await shallowIn(history),
    branches: branch === undefined || commit === undefined ? {} : { [branch]: commit },
  };
  await register?.(record);
  await store.saveRecord(record);
  return record;
}

interface Cleaning {
  readonly git: Git;
  readonly store: WorkspaceStore;
  readonly plan: WorkspacePlan;
  /** Names whose content is not the index's. */
  readonly dirty: ReadonlySet<FileName>;
}

/** What was sent as git has it; undefined when that is the same. */
export async function cleanTreeOf({ git, store, plan, dirty }: Cleaning, sentTree: string, files: FileStates): Promise<string | undefined> {
  const clean = inGitForm(files, plan.index, (name) => dirty.has(name));
  if (difference(files, clean).length === 0) return undefined;
  // What changed between git's look and the copy is no work of a filter.
  const late = plan.sourceTop === plan.repository.top ? await unlikeIndex(git, plan.sourceTop, plan.indexFile) : dirty;
  const changes = difference(
    files,
    inGitForm(files, plan.index, (name) => dirty.has(name) || late.has(name)),
  );
  return changes.length === 0 ? undefined : await store.changeTree(git, sentTree, changes);
}

/** Commits that a history was cut at. */
export async function shallowIn(history: string): Promise<string[]> {
  const text = await readFile(join(history, ".git/shallow"), "latin1").catch(() => "");
  return text.match(/^[0-9a-f]{40}$/gm) ?? [];
}

/** The store keeps the objects the guest got: the repository may lose them, and they are what changes are told from. */
export async function keepPacks(history: string, store: WorkspaceStore): Promise<void> {
  const from = join(history, ".git/objects/pack");
  const names = await readdir(from).catch(() => []);
  if (names.length === 0) return;
  const to = join(store.objects, "pack");
  await mkdir(to, { recursive: true });
  // A pack is one once its index is there.
  for (const name of names.toSorted((left, right) => Number(left.endsWith(".idx")) - Number(right.endsWith(".idx"))))
    await rename(join(from, name), join(to, name));
}

/** The `.git` with its directories: git needs some that are empty. */
async function* sendHistory(directory: string, objects: string): AsyncGenerator<Buffer> {
  const files: PlannedFile[] = [];
  const directories = [".git/"];
  for (const entry of await readdir(join(directory, ".git"), { recursive: true, withFileTypes: true, encoding: "utf8" })) {
    const name = join(entry.parentPath, entry.name).slice(directory.length + 1);
    if (entry.isDirectory()) directories.push(`${name}/`);
    else
      files.push({
        name: Buffer.from(name, "utf8").toString("latin1") as FileName,
        kind: "file",
        size: 0,
        indexId: undefined,
        isTracked: false,
      });
  }
  for (const name of directories.toSorted()) {
    yield tarHeader({ name: Buffer.from(name, "utf8").toString("latin1"), kind: "directory", mode: 0o755, mtime: 0, size: 0 });
  }
  yield* sendFiles({ top: directory, files, objects, keeps: () => false }, { sent: [], vanished: [], again: [], torn: [] });
}

/** Tracked files whose content differs from the index, as far as git can tell by looking. */
async function dirtyNames(git: Git, { repository, indexFile, sourceTop }: WorkspacePlan): Promise<readonly FileName[]> {
  if (sourceTop !== repository.top) return [];
  const variables = { GIT_INDEX_FILE: indexFile };
  return splitNul((await git.run(["diff-files", "-z", "--name-only"], { cwd: repository.top, variables })).stdout);
}
