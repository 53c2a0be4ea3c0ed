// Copies a planned workspace into a VM, as one tar stream, and records what the guest got.
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { routes, type Client } from "@banger/api";
import type { PlannedFile } from "./file-set.ts";
import type { Git } from "./git.ts";
import { makeHistory } from "./history.ts";
import { splitNul, type FileName } from "./names.ts";
import type { WorkspacePlan } from "./plan.ts";
import { sendFiles, type SendReport } from "./send-files.ts";
import type { WorkspaceRecord, WorkspaceStore } from "./store.ts";
import { tarEnd, tarHeader } from "./tar-entry.ts";

export interface CopyIn {
  readonly git: Git;
  readonly plan: WorkspacePlan;
  /** Directory whose `.git` the guest gets (`prepareHistory`). */
  readonly history: string;
  readonly client: Client;
  readonly vm: { readonly id: string; readonly name: string };
  readonly store: WorkspaceStore;
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
  readonly onProgress?: ((files: number, bytes: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
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
    await upload(copy, [sendFiles({ top, files: report.again.splice(0), objects: store.objects, keeps: () => true }, report)]);
  const record = await remember(copy, report);
  return { record, vanished: report.vanished, torn: report.torn };
}

async function remember({ git, plan, store, vm, client, nowMs }: CopyIn, report: SendReport): Promise<WorkspaceRecord> {
  const record: WorkspaceRecord = {
    version: 1,
    vmId: vm.id,
    vmName: vm.name,
    socket: client.socketPath,
    top: plan.repository.top,
    guestPath: plan.request.guestPath,
    head: plan.commit ?? null,
    branch: plan.branch ?? null,
    baseTree: await store.writeTree(git, report.sent),
    copiedAt: new Date(nowMs).toISOString(),
  };
  await store.saveRecord(record);
  return record;
}

async function upload({ client, vm, plan, signal }: CopyIn, parts: readonly AsyncGenerator<Buffer>[]): Promise<void> {
  const source = Readable.from(archive(parts), { objectMode: true, highWaterMark: 1 });
  const stop = () => source.destroy(signal?.reason instanceof Error ? signal.reason : new Error("stopped"));
  signal?.throwIfAborted();
  signal?.addEventListener("abort", stop, { once: true });
  source.on("error", () => undefined);
  try {
    await client.upload(routes.vmFilesPut, { params: { name: vm.name }, query: { path: plan.request.guestPath, owner: "0:0" } }, source);
  } finally {
    signal?.removeEventListener("abort", stop);
    source.destroy();
  }
}

async function* archive(parts: readonly AsyncGenerator<Buffer>[]): AsyncGenerator<Buffer> {
  for (const part of parts) yield* part;
  yield tarEnd();
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
