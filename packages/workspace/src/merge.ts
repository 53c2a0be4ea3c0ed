// The three-way merge of a work tree with a guest's files: git's own (merge-ort), between trees of the store, where there is no
// configuration, no attribute and no program that anybody could have set.
import { BangerError } from "@banger/api";
import type { Git } from "./git.ts";
import type { FileName } from "./names.ts";
import type { WorkspaceStore } from "./store.ts";

export interface MergeRequest {
  readonly git: Git;
  readonly store: WorkspaceStore;
  /** Trees. */
  readonly base: string;
  readonly ours: string;
  readonly theirs: string;
  /** How the guest's side is called in conflict markers. */
  readonly label: string;
  /** `merge`, `diff3` or `zdiff3`. */
  readonly style: string;
}

/** How a name is left when both sides have changed it. */
export type ConflictKind = "both_changed" | "both_added" | "changed_here_deleted_there" | "deleted_here_changed_there" | "other";

export interface Conflict {
  readonly name: FileName;
  readonly kind: ConflictKind;
  /** What an index holds of it. */
  readonly stages: readonly { readonly stage: number; readonly mode: string; readonly id: string }[];
}

export interface Merged {
  readonly tree: string;
  readonly conflicts: readonly Conflict[];
}

const IDENTITY = {
  GIT_AUTHOR_NAME: "banger",
  GIT_AUTHOR_EMAIL: "banger@localhost",
  GIT_AUTHOR_DATE: "@0 +0000",
  GIT_COMMITTER_NAME: "banger",
  GIT_COMMITTER_EMAIL: "banger@localhost",
  GIT_COMMITTER_DATE: "@0 +0000",
} as const;

/** The first git that merges trees without a work tree. */
const NEEDED = [2, 38] as const;

/** Throws `host.unsupported` for a git that is too old. */
export async function mergeTrees({ git, store, base, ours, theirs, label, style }: MergeRequest): Promise<Merged> {
  if (ours === base) return { tree: theirs, conflicts: [] };
  if (theirs === base || theirs === ours) return { tree: ours, conflicts: [] };
  const here = { cwd: store.directory, variables: { ...store.variables, ...IDENTITY } };
  await requireMergeTree(git, store);
  const ancestor = await git.text(["commit-tree", base, "-m", "base"], here);
  const sides = [
    ["host", ours],
    [label, theirs],
  ] as const;
  for (const [name, tree] of sides) {
    const commit = await git.text(["commit-tree", tree, "-p", ancestor, "-m", name], here);
    await git.run(["update-ref", `refs/heads/${name}`, commit], here);
  }
  const settings = ["-c", "merge.directoryRenames=false", "-c", `merge.conflictStyle=${style}`];
  const args = [...settings, "merge-tree", "--write-tree", "-z", "--no-messages", "host", label];
  return parseMerge((await git.run(args, { ...here, accept: [1] })).stdout);
}

/** The answer of `merge-tree --write-tree -z --no-messages`: the tree, then lines of an index. */
export function parseMerge(answer: Uint8Array): Merged {
  const [tree = "", ...lines] = Buffer.from(answer).toString("latin1").replace(/\0$/, "").split("\0");
  const stages = new Map<FileName, { stage: number; mode: string; id: string }[]>();
  for (const line of lines.filter((text) => text !== "")) {
    const tab = line.indexOf("\t");
    const [mode = "", id = "", stage = "0"] = line.slice(0, tab).split(" ");
    const name = line.slice(tab + 1) as FileName;
    stages.set(name, [...(stages.get(name) ?? []), { stage: Number(stage), mode, id }]);
  }
  return { tree, conflicts: [...stages].map(([name, found]) => ({ name, kind: kindOf(found), stages: found })) };
}

function kindOf(stages: readonly { readonly stage: number }[]): ConflictKind {
  switch (stages.map(({ stage }) => stage).join("")) {
    case "123":
      return "both_changed";
    case "23":
      return "both_added";
    case "12":
      return "changed_here_deleted_there";
    case "13":
      return "deleted_here_changed_there";
    default:
      return "other";
  }
}

async function requireMergeTree(git: Git, store: WorkspaceStore): Promise<void> {
  const words = await git.text(["--version"], { cwd: store.directory });
  const [major = 0, minor = 0] = (/(\d+)\.(\d+)/.exec(words) ?? []).slice(1).map(Number);
  if (major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1])) return;
  throw new BangerError("host.unsupported", `merging into the work tree needs git ${NEEDED.join(".")} or later; this is ${words}`, {
    hint: "pull without --into-worktree, then git merge",
  });
}
