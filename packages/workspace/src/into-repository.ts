// What a pull writes into the host's repository besides files: objects out of the store, commits and refs. Plumbing alone: no
// hooks, no filters, and neither work tree nor index nor HEAD take part.
import { copyFile, mkdtempDisposable, stat } from "node:fs/promises";
import { join } from "node:path";
import { BangerError } from "@banger/api";
import type { Git } from "./git.ts";
import { indexFileOf } from "./history.ts";
import type { Repository } from "./repository.ts";
import type { WorkspaceStore } from "./store.ts";

export interface Bringing {
  readonly git: Git;
  readonly store: WorkspaceStore;
  readonly repository: Repository;
}

/** Brings objects of the store, and all they consist of, into the repository, but for what `known` commits have. */
export async function bringObjects(
  { git, store, repository }: Bringing,
  objects: readonly string[],
  known: readonly string[],
): Promise<void> {
  const input = Buffer.from([...objects, ...known.map((id) => `^${id}`)].map((line) => `${line}\n`).join(""));
  const packed = git.stream(["pack-objects", "--quiet", "--revs", "--stdout", "--delta-base-offset"], {
    cwd: store.directory,
    variables: store.variables,
    input,
  });
  // Strict: what is dangerous to have in a repository at all, as a .gitmodules that runs something, is refused.
  await git.run(["index-pack", "--strict", "--stdin"], { cwd: repository.top, input: packed });
}

export interface NewCommit {
  readonly tree: string;
  readonly parents: readonly string[];
  readonly message: string;
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
}

/** A commit in the repository by whoever it belongs to. */
export async function makeCommit({ git, repository }: Bringing, { tree, parents, message, nowMs }: NewCommit): Promise<string> {
  const { name = "banger", email = "banger@localhost" } = repository.identity;
  const date = `@${Math.floor(nowMs / 1000)} +0000`;
  const variables = {
    GIT_AUTHOR_NAME: name,
    GIT_AUTHOR_EMAIL: email,
    GIT_AUTHOR_DATE: date,
    GIT_COMMITTER_NAME: name,
    GIT_COMMITTER_EMAIL: email,
    GIT_COMMITTER_DATE: date,
  };
  const from = parents.flatMap((parent) => ["-p", parent]);
  return await git.text(["commit-tree", "--no-gpg-sign", tree, ...from, "-F", "-"], {
    cwd: repository.top,
    variables,
    input: Buffer.from(message, "utf8"),
  });
}

export async function treeOf(git: Git, cwd: string, commit: string): Promise<string> {
  return await git.text(["rev-parse", "--verify", "--quiet", `${commit}^{tree}`], { cwd });
}

export async function hasCommit(git: Git, cwd: string, commit: string): Promise<boolean> {
  return (await git.run(["cat-file", "-e", `${commit}^{commit}`], { cwd, accept: [1, 128] })).status === 0;
}

export async function isAncestor(git: Git, cwd: string, [older, newer]: readonly [older: string, newer: string]): Promise<boolean> {
  return (await git.run(["merge-base", "--is-ancestor", older, newer], { cwd, accept: [1, 128] })).status === 0;
}

/** Where the state of the work tree before the last pull into it is kept. */
export function safetyRef(vmName: string): string {
  return `refs/banger/before-pull/${vmName}`;
}

export interface SafetyRequest {
  readonly vmName: string;
  /** The work tree's files, in the store. */
  readonly ours: string;
  readonly nowMs: number;
}

/** Keeps work tree and index as a commit, in the shape of a stash; earlier ones stay in the reflog of its ref. */
export async function keepWorkTree(bringing: Bringing, { vmName, ours, nowMs }: SafetyRequest): Promise<string> {
  const { git, repository } = bringing;
  const heads = repository.head === undefined ? [] : [repository.head];
  await bringObjects(bringing, [ours], heads);
  const index = await indexTree(bringing);
  const staged = await makeCommit(bringing, { tree: index, parents: heads, message: `index before banger pulls from ${vmName}\n`, nowMs });
  const message = `work tree before banger pulls from ${vmName}\n`;
  const commit = await makeCommit(bringing, { tree: ours, parents: [...heads, staged], message, nowMs });
  await git.run(["update-ref", "--create-reflog", "-m", message.trim(), safetyRef(vmName), commit], { cwd: repository.top });
  return commit;
}

/** Whether the commit was kept in this repository, and not in one that this is a clone of: its refs of ours do not go along. */
export async function hasKept({ git, repository }: Pick<Bringing, "git" | "repository">, vmName: string, commit: string): Promise<boolean> {
  const kept = await git.run(["reflog", "show", "--format=%H", safetyRef(vmName)], { cwd: repository.top, accept: [1, 128] });
  return kept.stdout.toString("latin1").split("\n").includes(commit);
}

/** The index as a tree, made from a copy of it. */
async function indexTree({ git, store, repository }: Bringing): Promise<string> {
  await using scratch = await mkdtempDisposable(join(store.directory, "index-"));
  const copy = join(scratch.path, "index");
  const indexFile = indexFileOf(repository);
  const variables = { GIT_INDEX_FILE: copy };
  if ((await stat(indexFile).catch(() => undefined)) !== undefined) await copyFile(indexFile, copy);
  return await git.text(["-c", "core.splitIndex=false", "write-tree"], { cwd: repository.top, variables });
}

/** Throws `workspace.conflict` when the index has names in conflict already. */
export function refuseUnmerged({ top, index }: Repository): void {
  const names = new Set(index.map(({ name }) => name));
  if (names.size === index.length) return;
  throw new BangerError("workspace.conflict", `${top} has conflicts that are not resolved yet`, {
    hint: `git -C ${top} status`,
  });
}
