// The workspace of one `vm run PATH`: planned before a VM is made, its history prepared while the guest boots, copied as soon as
// the guest takes files.
import { BangerError, formatSize, routes, type Client, type Vm } from "@banger/api";
import {
  copyIn,
  Git,
  planWorkspace,
  prepareHistory,
  shownName,
  type FileSet,
  type SkipReason,
  type StoreLock,
  type WorkspacePlan,
  type WorkspaceStores,
} from "@banger/workspace";
import type { CliContext } from "../context.ts";
import { interruptible } from "../interrupt.ts";
import { createProgress } from "../output/progress.ts";
import { toolFilesAmong } from "../tooling/choice.ts";
import type { WorkspaceFlags } from "./flags.ts";
import { registerTree } from "./register.ts";
import { lockWorkspace, workspaceStores } from "./stores.ts";

const DEFAULT_GUEST_PATH = "/root/repo";

export interface RunWorkspace extends AsyncDisposable {
  readonly guestPath: string;
  /** Top of the repository on the host. */
  readonly top: string;
  /** Files of it that name tools. */
  readonly toolFiles: readonly string[];
  /** What would be copied, as the result of a dry run. */
  show(): Promise<void>;
  /** Copies it into a VM: one that was made for it, which an interruption deletes, or one whose workspace is locked. */
  copyInto(client: Client, vm: Vm, options?: { readonly lock: StoreLock }): Promise<void>;
}

/** Throws what `planWorkspace` throws. */
export async function openRunWorkspace(context: CliContext, flags: WorkspaceFlags, path: string): Promise<RunWorkspace> {
  await using resources = new AsyncDisposableStack();
  const git = new Git({ env: context.deps.env });
  const stores = workspaceStores(context);
  const [checkout, history] = [resources.use(await stores.scratch()), resources.use(await stores.scratch())];
  const plan = await planned(git, { flags, path, checkout: checkout.path });
  const stop = new AbortController();
  resources.defer(() => stop.abort());
  const owned = resources.move();
  let preparing: Promise<void> | undefined;
  const prepare = () => {
    preparing ??= prepareHistory(git, { plan, directory: history.path, signal: stop.signal });
    preparing.catch(() => undefined);
    return preparing;
  };
  if (flags.dryRun !== true) void prepare();
  return {
    guestPath: plan.request.guestPath,
    top: plan.repository.top,
    toolFiles: toolFilesAmong(plan.fileSet.files.map(({ name }) => name)),
    show: () => showPlan(context, plan),
    copyInto: (client, vm, options) =>
      copyInto({ context, git, plan, path, history: history.path, prepare, client, vm, stores, lock: options?.lock }),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await preparing?.catch(() => undefined);
      await owned.disposeAsync();
    },
  };
}

async function planned(
  git: Git,
  { flags, path, checkout }: { readonly flags: WorkspaceFlags; readonly path: string; readonly checkout: string },
): Promise<WorkspacePlan> {
  const request = {
    path,
    guestPath: flags.guestPath ?? DEFAULT_GUEST_PATH,
    includeUntracked: flags.includeUntracked === true,
    mode: flags.mode ?? "shallow",
    branch: flags.branch,
    from: flags.from,
  };
  try {
    return await planWorkspace(git, request, checkout);
  } catch (error) {
    if (!(error instanceof BangerError) || error.code !== "workspace.not_repository" || path.includes("/")) throw error;
    throw BangerError.fromBody({
      ...error.toBody(),
      hint: `a repository is given as a path, a command for the guest after --: banger vm run -- ${path}`,
    });
  }
}

interface Copying {
  readonly context: CliContext;
  readonly git: Git;
  readonly plan: WorkspacePlan;
  readonly path: string;
  readonly history: string;
  readonly prepare: () => Promise<void>;
  readonly client: Client;
  readonly vm: Vm;
  readonly stores: WorkspaceStores;
  /** Of a VM that was there before; undefined for one that was made for the copy. */
  readonly lock: StoreLock | undefined;
}

async function copyInto(copying: Copying): Promise<void> {
  const { context, plan, client, vm } = copying;
  context.output.note(workspaceLine(copying.path, plan));
  tellSkipped(context, plan.fileSet);
  const report = await interruptible(context.deps, {
    async work(signal) {
      using _lock = copying.lock === undefined ? await lockWorkspace(context, vm, signal) : undefined;
      return await copyWithProgress(copying, signal);
    },
    async undone() {
      if (copying.lock !== undefined) return `cancelled: ${vm.name} may have a part of it`;
      // Nothing but the copy is in it.
      const discard = { params: { name: vm.name }, query: { discardChanges: "true" } } as const;
      await client.progress(routes.vmDelete, discard).catch(() => undefined);
      return `cancelled: ${vm.name} is undone`;
    },
  });
  await forgetGone(copying);
  if (report.vanished.length > 0) context.output.note(`! gone before they were copied: ${some(report.vanished.map(shownName))}`);
  if (report.torn.length > 0) context.output.note(`! changed while they were copied: ${some(report.torn.map(shownName))}`);
}

async function copyWithProgress({ context, git, plan, history, prepare, client, vm, stores }: Copying, signal: AbortSignal) {
  using progress = await createProgress(context);
  const sink = progress.sink();
  const began = performance.now();
  const atMs = () => performance.now() - began;
  const stage = "copy";
  sink({ type: "stage.started", stage, atMs: 0 });
  await prepare();
  const store = stores.of(vm.id);
  const report = await copyIn({
    git,
    plan,
    history,
    client,
    vm,
    store,
    nowMs: context.deps.now(),
    signal,
    register: (record) => registerTree({ client, vmName: vm.name, git, store, record, tree: record.baseTree }),
    onProgress: (files, bytes) =>
      sink({ type: "stage.progress", stage, done: bytes, total: plan.fileSet.bytes, unit: "bytes", files, atMs: atMs() }),
  });
  sink({
    type: "stage.finished",
    stage,
    durationMs: atMs(),
    facts: { files: plan.fileSet.files.length, bytes: plan.fileSet.bytes },
    atMs: atMs(),
  });
  return report;
}

/** Workspaces of VMs that this daemon no longer has, and of which it kept nothing, are forgotten. */
async function forgetGone({ client, stores }: Copying): Promise<void> {
  const [vms, kept] = await Promise.all([client.call(routes.vmList, {}), client.call(routes.keptList, {})]);
  const needed = new Set([...vms, ...kept].map(({ id }) => id));
  await stores.tidy(({ socket, vmId }) => socket !== client.socketPath || needed.has(vmId));
}

/** `workspace ./api → /root/repo: 412 files, 3.1 MiB (7 untracked skipped: --include-untracked)`. */
export function workspaceLine(path: string, { request, fileSet }: Pick<WorkspacePlan, "request" | "fileSet">): string {
  const untracked = fileSet.skipped.filter(({ reason }) => reason === "untracked").length;
  const remark = untracked === 0 ? "" : ` (${untracked} untracked skipped: --include-untracked)`;
  return `workspace ${path} → ${request.guestPath}: ${countFiles(fileSet.files.length)}, ${formatSize(fileSet.bytes)}${remark}`;
}

const REASONS: Readonly<Record<SkipReason, string>> = {
  untracked: "untracked: --include-untracked copies it",
  deleted: "deleted in the work tree",
  special: "neither file nor symlink",
  nested_repository: "a repository of its own",
  behind_link: "behind a symlink that leads out",
};

/** What stays although one would expect it to go. */
export function tellSkipped(context: CliContext, { skipped }: FileSet): void {
  for (const reason of ["special", "nested_repository", "behind_link"] as const) {
    const names = skipped.filter((entry) => entry.reason === reason).map(({ name }) => shownName(name));
    if (names.length > 0) context.output.note(`! not copied, ${REASONS[reason]}: ${some(names)}`);
  }
}

async function showPlan(context: CliContext, plan: WorkspacePlan): Promise<void> {
  const { files, skipped, bytes } = plan.fileSet;
  if (context.output.isJson) {
    const listed = files.map((file) => ({ name: shownName(file.name), kind: file.kind, bytes: file.size, tracked: file.isTracked }));
    const left = skipped.map(({ name, reason }) => ({ name: shownName(name), reason }));
    return context.output.json({ source: plan.repository.top, guestPath: plan.request.guestPath, files: listed, skipped: left, bytes });
  }
  const lines = [
    ...files.map(({ name }) => shownName(name)),
    ...skipped.map(({ name, reason }) => `skipped: ${shownName(name)} (${REASONS[reason]})`),
    `${countFiles(files.length)}, ${formatSize(bytes)}${skipped.length === 0 ? "" : `, ${skipped.length} skipped`}`,
  ];
  await context.output.result(lines.join("\n"));
}

export function countFiles(count: number): string {
  return count === 1 ? "1 file" : `${count} files`;
}

export function some(names: readonly string[]): string {
  return names.length <= 5 ? names.join(", ") : `${names.slice(0, 5).join(", ")} and ${names.length - 5} more`;
}
