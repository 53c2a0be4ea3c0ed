// Does what was planned to bring a copy up to date. The guest is told what it should find wherever something is replaced or removed,
// and refuses what it has changed since it was looked at: nothing of its own is lost in between.
import { join } from "node:path";
import { BangerError, routes } from "@banger/api";
import { selectionOf, selections, wasOf } from "@banger/api/guest-tree";
import { difference, type FileStates } from "./changes.ts";
import { cleanTreeOf, keepPacks } from "./copy-in.ts";
import type { PlannedFile } from "./file-set.ts";
import { nameOfText, type FileName } from "./names.ts";
import { gitTarget, makeFollow, type Followed } from "./prepare-git.ts";
import type { PreparePlan, PrepareRequest } from "./prepare.ts";
import { sendFiles, type SendReport } from "./send-files.ts";
import type { WorkspaceRecord } from "./store.ts";
import { upload } from "./upload.ts";

export interface Prepared {
  readonly record: WorkspaceRecord;
  readonly vanished: readonly FileName[];
}

/** One that is cut off is done again by the next. Throws `workspace.conflict` for what the guest has changed since the plan. */
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
  const report = await write(request, { plan, followed, directory, sent }).catch((error: unknown) => {
    throw isChange(error) ? changedMeanwhile(error, request.vm.name) : error;
  });
  if (followed !== undefined) await keepPacks(directory, store);
  return { record: await remember(request, { plan, report, sent, followed }), vanished: report.vanished };
}

function isChange(error: unknown): error is BangerError {
  return error instanceof BangerError && error.code === "workspace.conflict";
}

function changedMeanwhile(cause: BangerError, vmName: string): BangerError {
  return new BangerError("workspace.conflict", `${cause.message}: it stays, and what comes after it is not copied`, {
    hint: `banger vm workspace prepare ${vmName}`,
    cause,
  });
}

interface Writing {
  readonly plan: PreparePlan;
  readonly followed: Followed | undefined;
  /** What is sent of `.git` is below it. */
  readonly directory: string;
  readonly sent: FileStates;
}

async function write(request: PrepareRequest, writing: Writing): Promise<SendReport> {
  const { plan, sent } = writing;
  const isForced = new Set(plan.inTheWay.map(({ name }) => name));
  const was = (name: FileName) => (isForced.has(name) ? undefined : wasOf(plan.guestFiles.get(name)));
  const overwritten = plan.inTheWay.flatMap(({ removes }) => removes);
  await removeInGuest(request, overwritten, () => undefined);
  await removeInGuest(request, [...plan.remove, ...mayBeDirectories(plan, sent)], was);
  return await send(request, writing, was);
}

type Was = (name: FileName) => string | undefined;

/** New names: where a directory was sent, or made, that is empty now. */
function mayBeDirectories({ send: files, guestFiles }: PreparePlan, sent: FileStates): readonly FileName[] {
  return files.map(({ name }) => name).filter((name) => !sent.has(name) && !guestFiles.has(name));
}

/** Characters of a mode, an id and what is around them in JSON. */
const WAS_LENGTH = 52;

async function removeInGuest({ client, vm, record }: PrepareRequest, names: readonly FileName[], was: Was): Promise<void> {
  for (const some of selections(names, WAS_LENGTH)) {
    const body = { ...selectionOf(record.guestPath, some), was: some.map((name) => was(name) ?? "") };
    await client.call(routes.vmFilesRemove, { params: { name: vm.name }, body });
  }
}

async function send(request: PrepareRequest, { plan, followed, directory }: Writing, was: Was): Promise<SendReport> {
  const { store, onProgress } = request;
  const report: SendReport = { sent: [], vanished: [], again: [], torn: [] };
  const { objects } = store;
  const keeps = (file: PlannedFile) => file.indexId === undefined || plan.dirty.has(file.name);
  const gitFiles = (followed?.files ?? []).map(({ name }) => ({
    name: nameOfText(name),
    kind: "file" as const,
    size: 0,
    indexId: undefined,
    isTracked: false,
  }));
  const gitWas = new Map(followed?.files.map((file) => [nameOfText(file.name), file.was]));
  const unread: SendReport = { sent: [], vanished: [], again: [], torn: [] };
  const top = request.plan.sourceTop;
  if (plan.send.length + gitFiles.length > 0)
    await upload(request, [
      sendFiles({ top, files: plan.send, objects, keeps, was, onProgress }, report),
      sendFiles({ top: directory, files: gitFiles, objects, keeps: () => false, was: (name) => gitWas.get(name) }, unread),
    ]);
  if (report.again.length > 0) {
    const again = report.again.splice(0);
    const before = new Map(again.map(({ file, sent }) => [file.name, sent]));
    const files = again.map(({ file }) => file);
    await upload(request, [sendFiles({ top, files, objects, keeps: () => true, was: (name) => wasOf(before.get(name)) }, report)]);
  }
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
