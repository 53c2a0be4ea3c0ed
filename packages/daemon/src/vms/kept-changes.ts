// What a guest changed of its workspaces is taken out before it goes down. The record says how far that is known: as long as a
// workspace's `kept` is of the guest's latest run and the VM is going or gone down, nothing is lost with its disk.
import { BangerError, describeRefs, shownName, type Workspace } from "@banger/api";
import { diskFullError, isDiskFull } from "@banger/host";
import type { Operation } from "../operations/registry.ts";
import type { VmRecord } from "../state/vm-record.ts";
import type { TakenWork, TellingGuest } from "../workspaces/service.ts";
import type { Deadlines } from "./deadlines.ts";
import type { VmDeps } from "./deps.ts";
import type { Observed } from "./plan.ts";
import type { Supervisors } from "./supervisors.ts";

/** While a VM is said to run, its guest may change what has been taken a moment ago. */
export function workOf(record: Pick<VmRecord, "status" | "workspaces"> | undefined): Observed["work"] {
  if (record === undefined || record.workspaces.length === 0) return "none";
  return record.status !== "running" && record.workspaces.every(isTaken) ? "taken" : "untaken";
}

function isTaken({ kept }: Workspace): boolean {
  return kept?.isLatest === true && kept.lonelyRefs === undefined;
}

/** From now on the guest may hold what nobody has. */
export function markUntaken({ records }: VmDeps, vmId: string): void {
  const { workspaces } = records.get(vmId);
  if (workspaces.every(({ kept }) => kept?.isLatest !== true)) return;
  records.update(vmId, { workspaces: workspaces.map((each) => ({ ...each, kept: each.kept && { ...each.kept, isLatest: false } })) });
}

export interface KeepContext {
  readonly deps: VmDeps;
  readonly supervisors: Supervisors;
  readonly vmId: string;
  readonly operation: Operation;
}

/** Throws `workspace.not_kept` with the reason and the ways out. */
export async function keepChanges(context: KeepContext): Promise<void> {
  const { deps, vmId } = context;
  try {
    if (!isDownAndKept(deps.records.get(vmId))) await take(context);
    refuseLonely(deps.records.get(vmId));
  } catch (cause) {
    const { name, status } = deps.records.get(vmId);
    const why = reasonOf(deps, cause);
    throw new BangerError("workspace.not_kept", `what changed in ${name} cannot be taken out, so it stays: ${why}`, {
      hint: `${cureOf(cause) ?? `banger vm ${status === "running" ? "restart" : "start"} ${name}`}, then delete it; or lose the changes: banger vm delete ${name} --discard-changes`,
      cause,
    });
  }
}

export async function tryKeepChanges(context: KeepContext): Promise<void> {
  try {
    await take(context);
    for (const { guestPath, kept } of context.deps.records.get(context.vmId).workspaces)
      if (kept?.lonelyRefs !== undefined)
        context.operation.warn("workspace.left_out", `${lonelyReason(guestPath, kept.lonelyRefs)}: not kept`);
  } catch (error) {
    const why = reasonOf(context.deps, error);
    context.operation.warn("workspace.not_kept", `what changed in the workspace could not be taken out: it is on the disk alone (${why})`);
  }
}

/** What can be done in the guest, where the cause is there. */
function cureOf(cause: unknown): string | undefined {
  return cause instanceof BangerError && ["guest.path_not_found", "workspace.not_kept"].includes(cause.code) ? cause.hint : undefined;
}

/** Its files are; no more can be had of its refs. */
function isDownAndKept({ status, workspaces }: VmRecord): boolean {
  return status !== "running" && workspaces.every(({ kept }) => kept?.isLatest === true);
}

/** Throws `workspace.not_kept` where a guest has commits that no file shows. */
function refuseLonely({ name, status, workspaces }: VmRecord): void {
  for (const { guestPath, kept } of workspaces) {
    if (kept?.lonelyRefs === undefined) continue;
    const cure = "push them in the guest, or merge and remove them there";
    throw new BangerError("workspace.not_kept", lonelyReason(guestPath, kept.lonelyRefs), {
      hint: status === "running" ? cure : `banger vm start ${name}, ${cure}`,
    });
  }
}

function lonelyReason(guestPath: string, refs: readonly string[]): string {
  return `${describeRefs(refs)} in ${guestPath}, with commits that are on its disk alone`;
}

function reasonOf({ vmsDir }: VmDeps, error: unknown): string {
  if (isDiskFull(error)) return diskFullError(vmsDir, error).message;
  return error instanceof Error ? error.message : String(error);
}

async function take({ deps, supervisors, vmId, operation }: KeepContext): Promise<void> {
  markUntaken(deps, vmId);
  const supervisor = supervisors.find(vmId);
  if (supervisor === undefined || supervisor.isOver)
    throw new BangerError("vm.not_running", "it is not running, and nothing was taken out since it last did");
  const deadlines = deps.deadlinesOf(supervisor.process.accelerator);
  await operation.stage("changes", async () => {
    // A daemon that has just started may have none yet.
    await supervisor.withGuest(AbortSignal.timeout(deadlines.reconnectMs), async (guest) => {
      const deadline = AbortSignal.timeout(deadlines.changesMs);
      for (const workspace of deps.records.get(vmId).workspaces) {
        const signal = AbortSignal.any([deadline, supervisor.pauses.signal]);
        const taken = await withinDeadline(deadlines, deadline, () => takeOne(deps, { vmId, workspace, guest, signal }));
        tellLeftOut(operation, workspace, taken);
      }
    });
  });
}

interface One {
  readonly vmId: string;
  readonly workspace: Workspace;
  readonly guest: TellingGuest;
  readonly signal: AbortSignal;
}

async function takeOne({ workspaces, records, now }: VmDeps, { vmId, workspace, guest, signal }: One): Promise<TakenWork> {
  const taken = await workspaces.take(vmId, workspace, { guest, signal });
  const { files, bytes } = taken;
  const lonely = taken.lonelyRefs.length === 0 ? {} : { lonelyRefs: [...taken.lonelyRefs] };
  const kept = { at: now().toISOString(), files, bytes, isLatest: true, ...lonely };
  const others = records.get(vmId).workspaces;
  records.update(vmId, { workspaces: others.map((each) => (each.guestPath === workspace.guestPath ? { ...each, kept } : each)) });
  return taken;
}

async function withinDeadline<T>({ changesMs }: Deadlines, deadline: AbortSignal, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!deadline.aborted) throw cause;
    throw new BangerError("guest.unreachable", `the guest took longer than ${changesMs / 1000} s to hand over what changed`, { cause });
  }
}

function tellLeftOut({ warn }: Operation, { guestPath }: Workspace, { repositories }: TakenWork): void {
  if (repositories.length === 0) return;
  const names = repositories.slice(0, 5).map(shownName).join(", ");
  const more = repositories.length > 5 ? ` and ${repositories.length - 5} more` : "";
  warn("workspace.left_out", `left out of what is kept, repositories of their own in ${guestPath}: ${names}${more}`);
}
