// Brings the copy of a repository in a running VM up to date, or makes the first one.
import { stat } from "node:fs/promises";
import { BangerError, formatSize, routes, type Client, type Vm } from "@banger/api";
import {
  carryOutPrepare,
  Git,
  openRepository,
  planPrepare,
  planWorkspace,
  refuseObstacles,
  settleBranchPull,
  shownName,
  type Prepared,
  type StoreLock,
  type PreparePlan,
  type PrepareRequest,
  type WorkspaceRecord,
} from "@banger/workspace";
import type { CliContext } from "../context.ts";
import { usageError } from "../context.ts";
import { interruptible } from "../interrupt.ts";
import { createProgress } from "../output/progress.ts";
import { countFiles, openRunWorkspace, some, tellSkipped } from "./run-workspace.ts";
import { registerTaken } from "./register.ts";
import { lockWorkspace, workspaceStores } from "./stores.ts";

export interface PrepareOptions {
  readonly vmName: string;
  readonly path?: string | undefined;
  readonly mode?: "shallow" | "full" | undefined;
  readonly guestPath?: string | undefined;
  readonly includeUntracked?: boolean | undefined;
  readonly isForced: boolean;
  /** Before another command: nothing is said when nothing is to be done. */
  readonly isAutomatic: boolean;
}

export async function prepareWorkspace(context: CliContext, options: PrepareOptions): Promise<void> {
  const client = await context.connect();
  const vm = await client.call(routes.vmShow, { params: { name: options.vmName } });
  if (vm.status !== "running")
    throw new BangerError("vm.not_running", `${vm.name} is not running (${vm.status})`, { hint: `banger vm start ${vm.name}` });
  using lock = await lockWorkspace(context, vm);
  const record = await workspaceStores(context).of(vm.id).record();
  if (record === undefined) return await copyFirst(context, { options, client, vm, lock });
  await again(context, { options, client, vm, record });
}

interface Preparing {
  readonly options: PrepareOptions;
  readonly client: Client;
  readonly vm: Vm;
}

interface CopyingFirst extends Preparing {
  readonly lock: StoreLock;
}

async function copyFirst(context: CliContext, { options, client, vm, lock }: CopyingFirst): Promise<void> {
  const { path, mode, guestPath, includeUntracked } = options;
  if (path === undefined) {
    if (options.isAutomatic) throw notFound(vm.name);
    throw usageError(`${vm.name} has no workspace yet: which repository?`, `banger vm workspace prepare ${vm.name} ./repo`);
  }
  await using workspace = await openRunWorkspace(
    context,
    {
      ...(mode === undefined ? {} : { mode }),
      ...(guestPath === undefined ? {} : { guestPath }),
      ...(includeUntracked === undefined ? {} : { includeUntracked }),
    },
    path,
  );
  if (!options.isForced) await refuseFull(client, vm, workspace.guestPath);
  await workspace.copyInto(client, vm, { lock });
  if (context.output.isJson && !options.isAutomatic) await context.output.json(await workspaceStores(context).of(vm.id).record());
}

function notFound(vmName: string): BangerError {
  return new BangerError("workspace.not_found", `${vmName} has no workspace of yours`, {
    hint: `banger vm workspace prepare ${vmName} ./repo`,
  });
}

/** A copy over what is there could overwrite it. */
async function refuseFull(client: Client, vm: Vm, path: string): Promise<void> {
  const found = await client.call(routes.vmFilesStat, { params: { name: vm.name }, query: { path } }).catch((error: unknown) => {
    if (error instanceof BangerError && error.code === "guest.path_not_found") return undefined;
    throw error;
  });
  if (found === undefined) return;
  throw new BangerError("workspace.conflict", `${path} is there in ${vm.name}, and no copy of yours`, {
    hint: "--guest-path DIR for another place, or --force to copy over it",
  });
}

interface Again extends Preparing {
  readonly record: WorkspaceRecord;
}

async function again(context: CliContext, preparing: Again): Promise<void> {
  const { options, client, vm, record } = preparing;
  const git = new Git({ env: context.deps.env });
  await checkSame(git, preparing);
  const stores = workspaceStores(context);
  await using checkout = await stores.scratch();
  await using scratch = await stores.scratch();
  const plan = await planWorkspace(
    git,
    {
      path: record.top,
      guestPath: record.guestPath,
      includeUntracked: options.includeUntracked === true || record.includeUntracked === true,
      mode: record.mode ?? "shallow",
      branch: record.hasOwnBranch === true ? (record.branch ?? undefined) : undefined,
      from: record.from,
    },
    checkout.path,
  );
  const store = stores.of(vm.id);
  const settled = await settleBranchPull({ git, store, record, repository: plan.repository });
  const request = { git, store, record: settled, plan, client, vm, scratch: scratch.path, nowMs: context.deps.now() };
  const { planned, done } = await carryOut(context, request, options);
  if (!options.isAutomatic) tellSkipped(context, plan.fileSet);
  await tell(context, { options, record: settled, planned, done });
}

/** Throws `workspace.conflict` for another repository or place than that of the copy. */
async function checkSame(git: Git, { options, record, vm }: Again): Promise<void> {
  const { path, guestPath, mode } = options;
  if (path !== undefined) {
    const { top } = await openRepository(git, path);
    if (top !== record.top)
      throw new BangerError("workspace.conflict", `${vm.name} has a copy of ${record.top}, not of ${top}`, {
        hint: `banger vm run ${path}`,
      });
  } else if ((await stat(record.top).catch(() => undefined)) === undefined)
    throw new BangerError("workspace.not_repository", `${record.top} is gone, which ${vm.name} has a copy of`);
  if (guestPath !== undefined && guestPath !== record.guestPath)
    throw new BangerError("workspace.conflict", `the copy in ${vm.name} is in ${record.guestPath}, not in ${guestPath}`, {
      hint: `banger vm workspace prepare ${vm.name}, or a VM of its own: banger vm run ${record.top} --guest-path ${guestPath}`,
    });
  if (mode === "full" && record.mode !== "full")
    throw new BangerError("workspace.conflict", `the copy in ${vm.name} was made with a short history, and stays so`, {
      hint: `banger vm run ${record.top} --mode full`,
    });
}

interface Outcome {
  readonly planned: PreparePlan;
  readonly done: Prepared;
}

async function carryOut(context: CliContext, request: PrepareRequest, options: PrepareOptions): Promise<Outcome> {
  using progress = await createProgress(context);
  const sink = progress.sink();
  return await interruptible(context.deps, {
    async work(signal) {
      const planned = await planPrepare({ ...request, signal });
      refuseObstacles(planned.inTheWay, request.vm.name, options.isForced);
      const total = planned.send.reduce((sum, { size }) => sum + size, 0);
      const onProgress = (files: number, bytes: number) =>
        sink({ type: "stage.progress", stage: "copy", done: bytes, total, unit: "bytes", files, atMs: 0 });
      const done = await carryOutPrepare({ ...request, signal, onProgress }, planned);
      if (done.record !== request.record)
        await registerTaken(context, { git: request.git, store: request.store, vmName: request.vm.name, isThere: true });
      return { planned, done };
    },
    undone: () =>
      Promise.resolve(`cancelled: ${request.vm.name} may have a part of it.  again: banger vm workspace prepare ${request.vm.name}`),
  });
}

interface Telling extends Outcome {
  readonly options: PrepareOptions;
  readonly record: WorkspaceRecord;
}

async function tell(context: CliContext, { options, record, planned, done }: Telling): Promise<void> {
  const { send, remove, follow } = planned;
  const { vmName } = options;
  if (context.output.isJson && !options.isAutomatic) {
    return await context.output.json({
      vm: vmName,
      repository: record.top,
      guestPath: record.guestPath,
      sent: send.map(({ name }) => shownName(name)),
      removed: remove.map(shownName),
      commit: done.record.head,
      branch: done.record.branch,
    });
  }
  if (done.vanished.length > 0) context.output.note(`! gone before they were copied: ${some(done.vanished.map(shownName))}`);
  const isNothing = send.length + remove.length === 0 && follow === undefined;
  if (isNothing && options.isAutomatic) return;
  const place = `${vmName}:${record.guestPath}`;
  if (isNothing) return context.output.note(`${place} is up to date with ${record.top}`);
  const bytes = send.reduce((sum, { size }) => sum + size, 0);
  const moved = done.record.head !== record.head && done.record.head !== null ? [`now on ${done.record.head.slice(0, 9)}`] : [];
  const facts = [
    `${countFiles(send.length)}, ${formatSize(bytes)}`,
    ...(remove.length === 0 ? [] : [`${remove.length} removed`]),
    ...moved,
  ];
  context.output.note(`workspace ${record.top} → ${place}: ${facts.join(", ")}`);
}
