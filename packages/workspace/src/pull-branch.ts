// Brings a guest's changes into the host's repository as commits on a branch. Work tree, index and HEAD are not touched.
import { BangerError } from "@banger/api";
import { inCleanForm } from "./clean-form.ts";
import type { Git } from "./git.ts";
import { bringObjects, hasCommit, isAncestor, makeCommit, treeOf, type Bringing } from "./into-repository.ts";
import type { Repository } from "./repository.ts";
import type { BranchPull, WorkspaceRecord, WorkspaceStore } from "./store.ts";

export interface BranchPullRequest {
  readonly git: Git;
  readonly store: WorkspaceStore;
  readonly record: WorkspaceRecord;
  readonly repository: Repository;
  /** The guest's files now, a tree of the store. */
  readonly theirs: string;
  /** The branch that was asked for; `banger/NAME` without one. */
  readonly branch?: string | undefined;
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
}

export interface BranchPlan {
  readonly name: string;
  /** Commit it is at; undefined when it is new. */
  readonly at: string | undefined;
  /** What the new commits are made on, besides the copy's own commit where that is newer. */
  readonly parents: readonly string[];
  /** The guest's files as they are known on the branch, in their own form and in git's. */
  readonly base: string;
  readonly cleanBase: string;
  /** What the guest's files are told from, for whoever asks what comes. */
  readonly told: string;
  /** What came last, where neither HEAD nor a branch has it any more. */
  readonly lost: BranchPull | undefined;
  /** Whether `cleanBase` is the tree of the first parent and there is no second one. */
  readonly isCommitted: boolean;
  /** A branch that was ours and has moved on, so that this one is another. */
  readonly moved: string | undefined;
}

/** Throws `workspace.conflict` for a branch that is not ours to move, `workspace.bad_request` for a bad name or a lost commit. */
export async function planBranch(request: BranchPullRequest): Promise<BranchPlan> {
  const { git, record, repository, branch } = request;
  const { top } = repository;
  const pulled = record.branchPull;
  const chosen = await chooseName(request);
  if (record.head !== null && !(await hasCommit(git, top, record.head)))
    throw new BangerError("workspace.bad_request", `${top} has lost ${record.head.slice(0, 12)}, the commit the copy was made on`, {
      hint: `banger vm workspace pull ${record.vmName} --into-worktree`,
    });
  const isOurs = pulled !== undefined && (branch === undefined || branch === pulled.name) && (await hasCommit(git, top, pulled.commit));
  const first = isOurs ? pulled.commit : (record.head ?? undefined);
  const isBehind = isOurs && record.head !== null && !(await isAncestor(git, top, [record.head, pulled.commit]));
  const parents = [first, isBehind ? record.head : undefined].filter((id) => id !== undefined && id !== null);
  const cleanBase = isOurs ? pulled.cleanTree : (record.cleanTree ?? record.baseTree);
  const isCommitted = parents.length === 1 && first !== undefined && (await treeOf(git, top, first)) === cleanBase;
  const base = isOurs ? pulled.tree : record.baseTree;
  const lost = isOurs && !(await isReachable(git, repository, pulled.commit)) ? pulled : undefined;
  const told = lost === undefined ? base : record.baseTree;
  return { ...chosen, parents, base, cleanBase, told, lost, isCommitted };
}

/** Does what was planned; afterwards the record says what has come. Undefined when there is nothing new. */
export async function pullOntoBranch(request: BranchPullRequest, plan: BranchPlan): Promise<BranchPull | undefined> {
  const { store, record, theirs } = request;
  const isNew = plan.base !== theirs;
  if (!isNew && plan.lost === undefined) return undefined;
  const { commit, cleanTree } = isNew || plan.lost === undefined ? await makeCommits(request, plan) : plan.lost;
  const pulled: BranchPull = { name: plan.name, commit, tree: theirs, cleanTree };
  await store.saveRecord({ ...record, branchAttempt: pulled });
  await moveBranch(request, plan, commit);
  await store.saveRecord(withPull(record, pulled));
  return pulled;
}

/** A pull that was killed once its branch had moved is done. Answers the record as it is then. */
export async function settleBranchPull(request: Omit<BranchPullRequest, "theirs" | "nowMs">): Promise<WorkspaceRecord> {
  const { git, store, record, repository } = request;
  const { branchAttempt, ...before } = record;
  if (branchAttempt === undefined) return record;
  const { commit } = branchAttempt;
  const isDone = (await hasCommit(git, repository.top, commit)) && (await isReachable(git, repository, commit));
  const settled = isDone ? withPull(before, branchAttempt) : before;
  await store.saveRecord(settled);
  return settled;
}

function withPull(record: WorkspaceRecord, branchPull: BranchPull): WorkspaceRecord {
  return { ...record, branchPull, takenTree: branchPull.tree };
}

async function makeCommits(request: BranchPullRequest, plan: BranchPlan): Promise<Pick<BranchPull, "commit" | "cleanTree">> {
  const { git, store, record, repository, theirs, nowMs } = request;
  const cleanTree = await inCleanForm(git, store, { ...plan, theirs });
  const bringing: Bringing = { git, store, repository };
  await bringObjects(bringing, [plan.cleanBase, cleanTree], plan.parents);
  const { vmName } = record;
  const below = plan.isCommitted
    ? plan.parents
    : [await makeCommit(bringing, { tree: plan.cleanBase, parents: plan.parents, message: baseMessage(record), nowMs })];
  const message = `Changes of ${vmName}\n\nMade in ${record.guestPath} of the banger VM ${vmName} (${record.vmId}).\n`;
  const commit = await makeCommit(bringing, { tree: cleanTree, parents: below, message, nowMs });
  return { commit, cleanTree };
}

/** Throws `host.command_failed` when somebody has moved it meanwhile. */
async function moveBranch({ git, record, repository }: BranchPullRequest, { name, at }: BranchPlan, commit: string): Promise<void> {
  const why = ["--create-reflog", "-m", `banger: pull from ${record.vmName}`];
  await git.run(["update-ref", ...why, `refs/heads/${name}`, commit, at ?? "0".repeat(40)], { cwd: repository.top });
}

/** From HEAD or a branch. */
async function isReachable(git: Git, { top, head }: Repository, commit: string): Promise<boolean> {
  if (head !== undefined && (await isAncestor(git, top, [commit, head]))) return true;
  return (await git.text(["for-each-ref", "--count=1", `--contains=${commit}`, "refs/heads"], { cwd: top })) !== "";
}

/** What was sent and in no commit. */
function baseMessage({ vmName, copiedAt }: WorkspaceRecord): string {
  return `Work tree as ${vmName} got it\n\nCopied ${copiedAt}, with what was not committed then.\n`;
}

async function chooseName(request: BranchPullRequest): Promise<Pick<BranchPlan, "name" | "at" | "moved">> {
  const { git, record, repository, branch } = request;
  const { top } = repository;
  const pulled = record.branchPull;
  if (branch !== undefined) await checkName(git, top, branch);
  const wanted = branch ?? pulled?.name ?? `banger/${record.vmName}`;
  const at = await tipOf(git, top, wanted);
  if (at === undefined || (pulled?.name === wanted && pulled.commit === at)) {
    await refuseCheckedOut(git, top, wanted);
    return { name: wanted, at, moved: undefined };
  }
  if (branch !== undefined)
    throw new BangerError(
      "workspace.conflict",
      `the branch ${branch} is there already and is not where a pull from ${record.vmName} left it`,
      {
        hint: `--branch with another name, or none for banger/${record.vmName}`,
      },
    );
  const name = await freeName(git, top, `banger/${record.vmName}`);
  return { name, at: undefined, moved: wanted };
}

async function freeName(git: Git, top: string, stem: string): Promise<string> {
  for (let serial = 2; ; serial += 1) {
    const name = `${stem}-${serial}`;
    if ((await tipOf(git, top, name)) === undefined) return name;
  }
}

async function tipOf(git: Git, top: string, branch: string): Promise<string | undefined> {
  const answer = await git.run(["rev-parse", "--verify", "--quiet", `refs/heads/${branch}`], { cwd: top, accept: [1, 128] });
  return answer.status === 0 ? answer.stdout.toString("utf8").trim() : undefined;
}

async function checkName(git: Git, top: string, branch: string): Promise<void> {
  const answer = await git.run(["check-ref-format", "--branch", branch], { cwd: top, accept: [1, 128] });
  if (answer.status !== 0 || answer.stdout.toString("utf8").trim() !== branch)
    throw new BangerError("workspace.bad_request", `${JSON.stringify(branch)} is no name for a branch`);
}

/** Moving it would make the files there look changed. */
async function refuseCheckedOut(git: Git, top: string, branch: string): Promise<void> {
  const listed = await git.text(["worktree", "list", "--porcelain"], { cwd: top });
  const place = listed.split("\n\n").find((block) => block.split("\n").includes(`branch refs/heads/${branch}`));
  if (place === undefined) return;
  const where = /^worktree (.*)$/m.exec(place)?.[1] ?? top;
  throw new BangerError("workspace.conflict", `the branch ${branch} is checked out in ${where}, which a pull leaves alone`, {
    hint: "--into-worktree to have the changes there, or --branch with another name",
  });
}
