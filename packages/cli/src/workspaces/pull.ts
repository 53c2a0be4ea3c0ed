// Brings what a guest changed into the host's repository: onto a branch, or merged into the work tree.
import {
  difference,
  finishPull,
  Git,
  openRepository,
  planBranch,
  planWorkTree,
  pullIntoWorkTree,
  pullOntoBranch,
  settleBranchPull,
  type FileName,
  type FileState,
  type FileStates,
  type Repository,
  type WorkspaceStore,
} from "@banger/workspace";
import type { CliContext } from "../context.ts";
import { changesAt, type GuestChanges } from "./guest-changes.ts";
import { findPlace } from "./place.ts";
import { reportPull, type FileChange, type PullOutcome } from "./pull-report.ts";
import { registerTaken } from "./register.ts";
import { lockWorkspace, workspaceStores } from "./stores.ts";

export interface PullOptions {
  readonly vmName: string;
  readonly intoWorkTree: boolean;
  readonly branch: string | undefined;
  readonly isDryRun: boolean;
}

interface Pulling {
  readonly context: CliContext;
  readonly options: PullOptions;
  readonly git: Git;
  readonly store: WorkspaceStore;
  readonly found: GuestChanges;
  readonly repository: Repository;
}

/** Answers the exit status: 1 when there is something to resolve. */
export async function pullWorkspace(context: CliContext, options: PullOptions): Promise<number> {
  const git = new Git({ env: context.deps.env });
  const client = await context.connect();
  const place = await findPlace(client, options.vmName);
  using _lock = await lockWorkspace(context, place);
  await settleBranch(git, workspaceStores(context).of(place.id));
  if (options.intoWorkTree && !options.isDryRun) await resume(context, git, options.vmName);
  const found = await changesAt(context, { client, place });
  const store = workspaceStores(context).of(found.record.vmId);
  const pulling: Pulling = { context, options, git, store, found, repository: await openRepository(git, found.record.top) };
  const outcome = options.intoWorkTree ? await intoWorkTree(pulling) : await ontoBranch(pulling);
  if (!options.isDryRun) await registerTaken(context, { git, store, vmName: found.vm.name, isThere: found.isThere });
  return await reportPull(context, outcome);
}

/** What a pull onto a branch had done when it was killed. */
async function settleBranch(git: Git, store: WorkspaceStore): Promise<void> {
  const record = await store.record();
  if (record?.branchAttempt === undefined) return;
  await settleBranchPull({ git, store, record, repository: await openRepository(git, record.top) });
}

/** A pull that was killed is finished before the next one is planned. */
async function resume(context: CliContext, git: Git, vmName: string): Promise<void> {
  const records = (await workspaceStores(context).records()).filter((record) => record.vmName === vmName);
  for (const { vmId, socket } of records) {
    const store = workspaceStores(context).of(vmId);
    const [record, journal] = [await store.record(), await store.journal()];
    if (record === undefined || journal === undefined || socket !== context.socket.path) continue;
    const repository = await openRepository(git, record.top);
    await finishPull({ git, store, record, repository, nowMs: context.deps.now() });
    context.output.note(`the pull from ${vmName} that was cut off is finished`);
  }
}

async function ontoBranch({ context, options, git, store, found, repository }: Pulling): Promise<PullOutcome> {
  const { record, changes } = found;
  const request = { git, store, record, repository, theirs: changes.tree, branch: options.branch, nowMs: context.deps.now() };
  const plan = await planBranch(request);
  const files = changesBetween(await store.readTree(git, plan.told), await store.readTree(git, changes.tree));
  const pulled = options.isDryRun ? undefined : await pullOntoBranch(request, plan);
  const where = { kind: "branch", name: plan.name, commit: pulled?.commit, moved: plan.moved } as const;
  return { record, where, files, conflicts: [], left: [], isDryRun: options.isDryRun };
}

async function intoWorkTree({ context, options, git, store, found, repository }: Pulling): Promise<PullOutcome> {
  const { record, changes } = found;
  const request = { git, store, record, repository, theirs: changes.tree, nowMs: context.deps.now() };
  const plan = await planWorkTree(request);
  const files = plan.steps.map(({ name, before, after }) => ({ name, change: changeOf(before, after) }));
  const pulled = options.isDryRun ? undefined : await pullIntoWorkTree(request, plan);
  const where = { kind: "worktree", safetyRef: pulled?.safetyRef } as const;
  return { record, where, files, conflicts: plan.conflicts, left: pulled?.left ?? [], isDryRun: options.isDryRun };
}

function changesBetween(before: FileStates, after: FileStates): readonly FileChange[] {
  return difference(before, after)
    .map(({ name }) => name as FileName)
    .toSorted()
    .map((name) => ({ name, change: changeOf(before.get(name), after.get(name)) }));
}

function changeOf(before: FileState | undefined, after: FileState | undefined): FileChange["change"] {
  if (before === undefined) return "added";
  return after === undefined ? "deleted" : "modified";
}
