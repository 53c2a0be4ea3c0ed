// Merges what a guest changed into the host's work tree: base is what was sent or last pulled, theirs the guest's files now, ours
// the files here with every edit. All of it is computed first; then what is here is kept as a commit, the plan is written down,
// and only then files are written, so that a pull that was killed is finished by the next one.
import { randomBytes } from "node:crypto";
import { difference, type FileStates } from "./changes.ts";
import type { Git } from "./git.ts";
import { indexFileOf } from "./history.ts";
import { hostFiles, stateOnHost, unlikeIndex } from "./host-files.ts";
import { bringObjects, hasKept, keepWorkTree, refuseUnmerged, safetyRef, type Bringing } from "./into-repository.ts";
import { pathBelow } from "./look.ts";
import { mergeTrees, type Conflict } from "./merge.ts";
import type { FileName } from "./names.ts";
import type { Repository } from "./repository.ts";
import type { PullJournal, WorkspaceRecord, WorkspaceStore } from "./store.ts";
import { checkSteps, planSteps, type WorkTreeStep } from "./work-tree-plan.ts";
import { markUnmerged, unmergedLines, writeSteps } from "./work-tree-write.ts";

export interface WorkTreePullRequest {
  readonly git: Git;
  readonly store: WorkspaceStore;
  readonly record: WorkspaceRecord;
  readonly repository: Repository;
  /** The guest's files now, a tree of the store. */
  readonly theirs: string;
  readonly nowMs: number;
}

export interface WorkTreePlan {
  readonly base: string;
  readonly ours: string;
  readonly result: string;
  readonly steps: readonly WorkTreeStep[];
  readonly conflicts: readonly Conflict[];
}

export interface WorkTreePulled {
  /** Changed by somebody else while they were to be written; they come with the next pull. */
  readonly left: readonly FileName[];
  /** Where what was here before is kept; undefined when nothing was written. */
  readonly safetyRef: string | undefined;
}

/** Throws `workspace.conflict` and `workspace.unsafe` for what stands against it; nothing is written in the repository. */
export async function planWorkTree(request: WorkTreePullRequest): Promise<WorkTreePlan> {
  const { git, store, record, repository, theirs } = request;
  refuseUnmerged(repository);
  const base = record.pulledTree ?? record.baseTree;
  const [before, guest] = [await store.readTree(git, base), await store.readTree(git, theirs)];
  const touched = new Set(difference(before, guest).map(({ name }) => name as FileName));
  const unlike = await unlikeIndex(git, repository.top, indexFileOf(repository));
  const converted = await convertedNames(git, store, record);
  const here = await hostFiles({
    top: repository.top,
    index: repository.index,
    names: [...before.keys(), ...touched],
    mustRead: (name) => touched.has(name) || unlike.has(name) || converted.has(name),
    objects: store.objects,
  });
  const ours = await store.changeTree(git, base, difference(before, here));
  const style = await conflictStyle(git, repository);
  const merged = await mergeTrees({ git, store, base, ours, theirs, label: `vm/${record.vmName}`, style });
  const result = await store.readTree(git, merged.tree);
  const steps = planSteps(here, result);
  checkSteps(repository.top, steps, result);
  return { base, ours, result: merged.tree, steps, conflicts: merged.conflicts };
}

/** Does what was planned. Afterwards the record says what has come. */
export async function pullIntoWorkTree(request: WorkTreePullRequest, plan: WorkTreePlan): Promise<WorkTreePulled> {
  const { git, store, record, repository, theirs, nowMs } = request;
  if (plan.steps.length === 0 && plan.conflicts.length === 0) {
    await store.saveRecord({ ...record, pulledTree: theirs, takenTree: theirs });
    return { left: [], safetyRef: undefined };
  }
  const bringing: Bringing = { git, store, repository };
  const safety = await keepWorkTree(bringing, { vmName: record.vmName, ours: plan.ours, nowMs });
  const staged = plan.conflicts.flatMap(({ stages }) => stages.map(({ id }) => id));
  if (staged.length > 0) await bringObjects(bringing, [...new Set(staged)], []);
  const journal: PullJournal = {
    token: randomBytes(6).toString("hex"),
    ours: plan.ours,
    result: plan.result,
    theirs,
    safety,
    unmerged: [...unmergedLines(plan.conflicts)],
  };
  await store.saveJournal(journal);
  return { left: await carryOut(request, journal, plan.steps), safetyRef: safetyRef(record.vmName) };
}

/**
 * Finishes a pull that was killed on its way; undefined when there is none. In another repository than it began in, as in a clone
 * that is at the same place by now, it is given up: what it was to bring comes with the next.
 */
export async function finishPull(request: Omit<WorkTreePullRequest, "theirs">): Promise<"finished" | "given_up" | undefined> {
  const { git, store, record, repository } = request;
  const journal = await store.journal();
  if (journal === undefined) return undefined;
  if (!(await hasKept({ git, repository }, record.vmName, journal.safety))) {
    await store.saveJournal(undefined);
    return "given_up";
  }
  const [ours, result] = [await store.readTree(git, journal.ours), await store.readTree(git, journal.result)];
  const steps = planSteps(ours, result);
  checkSteps(repository.top, stillToDo(repository.top, steps), result);
  // What is left comes with the next.
  await carryOut(request, journal, steps);
  return "finished";
}

/** Names whose files filters make: git calls them unchanged although they are not what it has. */
export async function convertedNames(git: Git, store: WorkspaceStore, record: WorkspaceRecord): Promise<ReadonlySet<FileName>> {
  if (record.cleanTree === undefined) return new Set();
  const [sent, clean] = [await store.readTree(git, record.baseTree), await store.readTree(git, record.cleanTree)];
  return new Set(difference(sent, clean).map(({ name }) => name as FileName));
}

function stillToDo(top: string, steps: readonly WorkTreeStep[]): readonly WorkTreeStep[] {
  return steps.filter(({ name, after }) => {
    const now = stateOnHost(pathBelow(top, name));
    return now?.id !== after?.id || now?.mode !== after?.mode;
  });
}

type CarryOut = Omit<WorkTreePullRequest, "theirs">;

async function carryOut(
  { git, store, record, repository }: CarryOut,
  journal: PullJournal,
  steps: readonly WorkTreeStep[],
): Promise<readonly FileName[]> {
  const { top } = repository;
  const left = await writeSteps({ git, store, top, steps, token: journal.token });
  await markUnmerged(git, top, journal.unmerged);
  const pulledTree = await withoutLeft({ git, store, record, left, theirs: journal.theirs });
  await store.saveRecord({ ...record, pulledTree, takenTree: pulledTree });
  await store.saveJournal(undefined);
  return left;
}

interface Left {
  readonly git: Git;
  readonly store: WorkspaceStore;
  readonly record: WorkspaceRecord;
  readonly left: readonly FileName[];
  readonly theirs: string;
}

/** What was left has not come: the base of the next pull has it as before. */
async function withoutLeft({ git, store, record, left, theirs }: Left): Promise<string> {
  if (left.length === 0) return theirs;
  const before: FileStates = await store.readTree(git, record.pulledTree ?? record.baseTree);
  const changes = left.map((name) => ({ name, mode: before.get(name)?.mode ?? "", id: before.get(name)?.id }));
  return await store.changeTree(git, theirs, changes);
}

const STYLES: ReadonlySet<string> = new Set(["merge", "diff3", "zdiff3"]);

async function conflictStyle(git: Git, { top }: Repository): Promise<string> {
  const answer = await git.run(["config", "--get", "merge.conflictStyle"], { cwd: top, accept: [1] });
  const style = answer.stdout.toString("utf8").trim();
  return STYLES.has(style) ? style : "merge";
}
