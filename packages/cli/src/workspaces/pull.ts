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
  const before = { git, store: workspaceStores(context).of(place.id) };
  await settleBranch(before);
  if (options.intoWorkTree && !options.isDryRun) await resume(context, before);
  const found = await changesAt(context, { client, place });
  const store = workspaceStores(context).of(found.record.vmId);
  const pulling: Pulling = { context, options, git, store, found, repository: await openRepository(git, found.record.top) };
  const outcome = options.intoWorkTree ? await intoWorkTree(pulling) : await ontoBranch(pulling);
  if (!options.isDryRun) await registerTaken(context, { git, store, vmName: found.vm.name, isThere: found.isThere });
  return await reportPull(context, outcome);
}

type Before = Pick<Pulling, "git" | "store">;

/** What a pull onto a branch had done when it was killed. */
async function settleBranch({ git, store }: Before): Promise<void> {
  const record = await store.record();
  if (record?.branchAttempt === undefined) return;
  await settleBranchPull({ git, store, record, repository: await openRepository(git, record.top) });
}

/** A pull into the work tree that was killed is finished before the next one is planned. */
async function resume(context: CliContext, { git, store }: Before): Promise<void> {
  const [record, journal] = [await store.record(), await store.journal()];
  if (record === undefined || journal === undefined) return;
  const repository = await openRepository(git, record.top);
  const finished = await finishPull({ git, store, record, repository, nowMs: context.deps.now() });
  context.output.note(
    finished === "given_up"
      ? `! the pull from ${record.vmName} that was cut off began in another repository than ${record.top} is now: it begins anew`
      : `the pull from ${record.vmName} that was cut off is finished`,
  );
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
