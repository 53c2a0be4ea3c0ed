// What will go to a guest, before anything is made: the repository, its file set, and where it lands.
import { join } from "node:path";
import { BangerError } from "@banger/api";
import { planFileSet, type FileSet } from "./file-set.ts";
import type { Git } from "./git.ts";
import { indexFileOf } from "./history.ts";
import { lookBelow } from "./look.ts";
import { shownName, splitNul } from "./names.ts";
import { refuseMissing } from "./partial-clone.ts";
import { openRepository, parseIndex, refuseSubmodules, type IndexEntry, type Repository } from "./repository.ts";

export interface WorkspaceRequest {
  readonly path: string;
  readonly guestPath: string;
  readonly includeUntracked: boolean;
  readonly mode: "shallow" | "full";
  /** A new branch for the guest. */
  readonly branch?: string | undefined;
  /** What the guest starts from; its files then are that commit's, not the work tree's. */
  readonly from?: string | undefined;
}

export interface WorkspacePlan {
  readonly request: WorkspaceRequest;
  readonly repository: Repository;
  /** Where files are read from. */
  readonly sourceTop: string;
  readonly indexFile: string;
  readonly index: readonly IndexEntry[];
  readonly commit: string | undefined;
  readonly branch: string | undefined;
  readonly fileSet: FileSet;
  /** Directory of the repository's objects. */
  readonly objects: string;
}

/** `scratch` is an empty directory for a checkout. Throws `workspace.not_repository`, `.unsupported`, `.unreadable`, `.bad_request`. */
export async function planWorkspace(git: Git, request: WorkspaceRequest, scratch: string): Promise<WorkspacePlan> {
  const repository = await openRepository(git, request.path);
  if (request.branch !== undefined) await checkBranch(git, repository, request.branch);
  const commit = request.from === undefined ? repository.head : await findCommit(git, repository, request.from);
  await refuseMissing(git, { repository, commit, mode: request.mode });
  const isWorkTree = request.from === undefined || commit === undefined;
  const source = isWorkTree ? workTree(repository) : await checkOut(git, { repository, commit, scratch });
  const untracked = request.from === undefined ? await untrackedOf(git, repository) : [];
  const fileSet = planFileSet({
    index: source.index,
    untracked,
    includeUntracked: request.includeUntracked,
    look: lookBelow(source.sourceTop),
  });
  refuseUnreadable(fileSet);
  const objects = await git.text(["rev-parse", "--path-format=absolute", "--git-path", "objects"], { cwd: repository.top });
  return { request, repository, ...source, branch: request.branch ?? repository.branch, fileSet, objects };
}

type Source = Pick<WorkspacePlan, "sourceTop" | "indexFile" | "index" | "commit">;

function workTree(repository: Repository): Source {
  refuseSubmodules(repository.index);
  return { sourceTop: repository.top, indexFile: indexFileOf(repository), index: repository.index, commit: repository.head };
}

interface CheckOut {
  readonly repository: Repository;
  readonly commit: string;
  readonly scratch: string;
}

async function findCommit(git: Git, { top: cwd }: Repository, from: string): Promise<string> {
  const found = await git.run(["rev-parse", "--verify", "--quiet", "--end-of-options", `${from}^{commit}`], { cwd, accept: [1, 128] });
  if (found.status !== 0)
    throw new BangerError("workspace.bad_request", `${JSON.stringify(from)} is no commit of ${cwd}`, {
      hint: `git -C ${cwd} branch --all`,
    });
  return found.stdout.toString("utf8").trim();
}

/** The files of a commit as a checkout would make them, in a directory of ours. */
async function checkOut(git: Git, { repository, commit, scratch }: CheckOut): Promise<Source> {
  const cwd = repository.top;
  const indexFile = join(scratch, "index");
  const variables = { GIT_INDEX_FILE: indexFile };
  await git.run(["read-tree", commit], { cwd, variables });
  await git.run(["checkout-index", "--all", "--quiet", `--prefix=${scratch}/tree/`], { cwd, variables });
  const index = parseIndex((await git.run(["ls-files", "-z", "--stage", "--full-name"], { cwd, variables })).stdout);
  refuseSubmodules(index);
  return { sourceTop: join(scratch, "tree"), indexFile, index, commit };
}

async function untrackedOf(git: Git, { top }: Repository) {
  return splitNul((await git.run(["ls-files", "-z", "--others", "--exclude-standard", "--full-name"], { cwd: top })).stdout);
}

async function checkBranch(git: Git, { top }: Repository, branch: string): Promise<void> {
  const answer = await git.run(["check-ref-format", "--branch", branch], { cwd: top, accept: [1, 128] });
  if (answer.status !== 0 || answer.stdout.toString("utf8").trim() !== branch)
    throw new BangerError("workspace.bad_request", `${JSON.stringify(branch)} is no name for a branch`);
}

function refuseUnreadable({ unreadable }: FileSet): void {
  if (unreadable.length === 0) return;
  const names = unreadable.slice(0, 5).map(shownName).join(", ");
  const more = unreadable.length > 5 ? ` and ${unreadable.length - 5} more` : "";
  throw new BangerError("workspace.unreadable", `the copy would be half a copy: ${names}${more} cannot be read`, {
    hint: "chmod +r, or git rm --cached, then try again",
  });
}
