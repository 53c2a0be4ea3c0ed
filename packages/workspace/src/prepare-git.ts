// The guest's `.git` brought to what the host's repository is on: the objects it lacks, branch, HEAD and index. Only where the
// guest has not moved them itself.
import { mkdir, mkdtemp, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { GuestWorkspace } from "./changes-source.ts";
import { shallowIn } from "./copy-in.ts";
import { readGuestGit, type GuestGit } from "./guest-git.ts";
import { copyIndex, makeHistory, SHALLOW_DEPTH, upstreamOf } from "./history.ts";
import { indexDigest } from "./index-file.ts";
import { hasCommit } from "./into-repository.ts";
import type { Git } from "./git.ts";
import type { WorkspacePlan } from "./plan.ts";
import type { GitState, WorkspaceRecord } from "./store.ts";

export interface GitFollow {
  readonly guest: GuestGit;
  readonly target: GitState;
  /** Whether the guest's index is replaced. */
  readonly takesIndex: boolean;
  /** What stands against it. */
  readonly obstacles: readonly string[];
}

/** What the host is on, as the guest would be. */
export function gitTarget(plan: WorkspacePlan): GitState {
  return { head: plan.commit ?? null, branch: plan.branch ?? null, index: indexDigest(plan.index) };
}

/** Undefined when the host is where it was at the last copy. */
export async function planGit(guest: GuestWorkspace, plan: WorkspacePlan, record: WorkspaceRecord): Promise<GitFollow | undefined> {
  const target = gitTarget(plan);
  const sent: GitState = { head: record.head, branch: record.branch, index: record.index ?? "" };
  const pending = record.attempts ?? [];
  if (pending.length === 0 && sent.head === target.head && sent.branch === target.branch && sent.index === target.index) return undefined;
  const here = await readGuestGit(guest, target.branch === null ? [] : [target.branch]);
  const known = [sent, target, ...pending.map(({ git }) => git)];
  const isMoved = sent.head !== target.head || sent.branch !== target.branch || pending.length > 0;
  const takesIndex = (sent.index !== target.index || pending.length > 0) && here.index !== target.index;
  const obstacles = [
    ...(here.busy === undefined ? [] : [here.busy]),
    ...(isMoved ? headObstacles(here, { known, target, record }) : []),
    ...(takesIndex && !known.some(({ index }) => index === here.index) ? ["something is staged in the guest, or was committed there"] : []),
  ];
  return { guest: here, target, takesIndex, obstacles };
}

interface Known {
  readonly known: readonly GitState[];
  readonly target: GitState;
  readonly record: WorkspaceRecord;
}

function headObstacles(here: GuestGit, { known, target, record }: Known): readonly string[] {
  const on = (branch: string | null) => (branch === null ? "a detached HEAD" : `branch ${branch}`);
  if (!known.some(({ branch }) => branch === here.branch)) return [`the guest is on ${on(here.branch)}, not on ${on(record.branch)}`];
  if (!known.some(({ head, branch }) => head === here.head && branch === here.branch)) return ["the guest has commits of its own"];
  const there = target.branch === null || target.branch === here.branch ? undefined : here.branches.get(target.branch);
  const isTheirs = there !== undefined && there !== target.head && there !== record.branches?.[target.branch ?? ""];
  return isTheirs ? [`the guest has a branch ${target.branch} of its own`] : [];
}

export interface FollowRequest {
  readonly git: Git;
  readonly plan: WorkspacePlan;
  readonly record: WorkspaceRecord;
  readonly follow: GitFollow;
  /** An empty directory, for a `.git` that has what is sent and nothing more. */
  readonly directory: string;
  readonly signal?: AbortSignal | undefined;
}

export interface FollowFile {
  readonly name: string;
  /** What the guest is to find there; undefined for whatever it finds. */
  readonly was: string | undefined;
}

export interface Followed {
  /** Files below the directory, in the order they must arrive in: objects before what names them. */
  readonly files: readonly FollowFile[];
  /** Commits that the guest has without their parents, from now on. */
  readonly shallow: readonly string[];
}

/** Makes what is sent of `.git`. */
export async function makeFollow(request: FollowRequest): Promise<Followed> {
  const { plan, follow, directory, record } = request;
  const { guest, target } = follow;
  await mkdir(directory, { recursive: true });
  const isMoved = guest.head !== target.head || guest.branch !== target.branch;
  const cut = isMoved || follow.takesIndex ? await makeObjects(request) : [];
  const files = (await packsIn(directory)).map((name) => join(".git/objects/pack", name));
  const add = async (name: string, text: string) => {
    await mkdir(dirname(join(directory, name)), { recursive: true });
    await writeFile(join(directory, name), text);
    files.push(name);
  };
  if (cut.length > 0) await add(".git/shallow", `${[...new Set([...guest.shallow, ...cut])].join("\n")}\n`);
  if (isMoved) await addRefs(request, add);
  if (follow.takesIndex) {
    await copyIndex(request.git, { repository: plan.repository, directory, indexFile: plan.indexFile, signal: request.signal });
    files.push(".git/index");
  }
  // A commit that is made there meanwhile must not be passed over.
  const checked = files.map((name) => ({ name, was: follow.guest.looked.get(name) }));
  return { files: checked, shallow: [...new Set([...(record.shallow ?? []), ...cut])] };
}

async function packsIn(directory: string): Promise<readonly string[]> {
  const names = await readdir(join(directory, ".git/objects/pack")).catch(() => []);
  return names
    .filter((name) => /\.(pack|idx|rev)$/.test(name))
    .toSorted((left, right) => Number(left.endsWith(".idx")) - Number(right.endsWith(".idx")));
}

async function addRefs({ git, plan, record, follow }: FollowRequest, add: (name: string, text: string) => Promise<void>): Promise<void> {
  const { guest, target } = follow;
  // What the guest's own commits are reached by, when they are passed over.
  const passed = [guest.head, target.branch === null ? undefined : guest.branches.get(target.branch)];
  const known = new Set([
    record.head,
    target.head,
    ...Object.values(record.branches ?? {}),
    ...(record.attempts ?? []).map((attempt) => attempt.git.head),
  ]);
  for (const commit of new Set(passed)) {
    if (commit !== null && commit !== undefined && !known.has(commit))
      await add(`.git/refs/banger/before-prepare/${commit.slice(0, 12)}`, `${commit}\n`);
  }
  const upstream = await upstreamOf(git, plan.repository);
  if (upstream !== undefined) await add(`.git/${upstream}`, `${await git.text(["rev-parse", upstream], { cwd: plan.repository.top })}\n`);
  if (target.branch !== null && target.head !== null) await add(`.git/refs/heads/${target.branch}`, `${target.head}\n`);
  await add(".git/HEAD", target.branch === null ? `${target.head ?? ""}\n` : `ref: refs/heads/${target.branch}\n`);
}

/** Packs what the guest lacks below the directory; answers where its history is cut. */
async function makeObjects(request: FollowRequest): Promise<readonly string[]> {
  const { git, plan, record, follow, directory, signal } = request;
  const { repository, commit, branch, indexFile, index } = plan;
  const cwd = repository.top;
  const have = follow.guest.head;
  const isKnown = have !== null && (have === record.head || (record.attempts ?? []).some((attempt) => attempt.git.head === have));
  if (isKnown && (await hasCommit(git, cwd, have))) {
    const variables = await shallowView(request);
    const upstream = await upstreamOf(git, repository);
    const wanted = [...(commit === undefined ? [] : [commit]), ...(upstream === undefined ? [] : [upstream])];
    const count = await git.text(["rev-list", "--count", ...wanted, `^${have}`], { cwd, variables, signal });
    if ((record.mode ?? "shallow") === "full" || Number(count) <= SHALLOW_DEPTH) {
      const staged = [...new Set(index.map(({ id }) => id))];
      await mkdir(join(directory, ".git/objects/pack"), { recursive: true });
      const input = Buffer.from([...wanted, ...staged, `^${have}`].map((line) => `${line}\n`).join(""));
      const pack = [
        "-c",
        "pack.window=0",
        "pack-objects",
        "--quiet",
        "--revs",
        "--delta-base-offset",
        join(directory, ".git/objects/pack/pack"),
      ];
      await git.run(pack, { cwd, variables, input, signal });
      return [];
    }
  }
  const whole = await mkdtemp(join(directory, "whole-"));
  await makeHistory(git, { repository, directory: whole, mode: record.mode ?? "shallow", branch, commit, indexFile, index, signal });
  await mkdir(join(directory, ".git/objects"), { recursive: true });
  await rename(join(whole, ".git/objects/pack"), join(directory, ".git/objects/pack"));
  return await shallowIn(whole);
}

/** What git must see to tell what a guest has: a history that ends where the guest's does. */
async function shallowView({ git, plan, record, directory }: FollowRequest): Promise<Readonly<Record<string, string>>> {
  const own = await git.text(["rev-parse", "--path-format=absolute", "--git-path", "shallow"], { cwd: plan.repository.top });
  const cut = await readFile(own, "latin1").catch(() => "");
  const commits = new Set([...(record.shallow ?? []), ...(cut.match(/^[0-9a-f]{40}$/gm) ?? [])]);
  if (commits.size === 0) return {};
  const file = join(directory, "shallow");
  await writeFile(file, `${[...commits].join("\n")}\n`);
  return { GIT_SHALLOW_FILE: file };
}
