// A guest's files in git's own form. A guest has them as they are in a work tree, where autocrlf or a filter such as that of Git LFS
// makes them; what is not the guest's change must not look like one beside a commit.
import { difference } from "./changes.ts";
import type { Git } from "./git.ts";
import type { WorkspaceStore } from "./store.ts";

/** Trees of the store. */
export interface CleanForm {
  /** What the guest's files are told from, as they are in a work tree and as git has them. */
  readonly base: string;
  readonly cleanBase: string;
  /** The guest's files. */
  readonly theirs: string;
}

/** The tree that has the guest's changes, and git's form of everything else. */
export async function inCleanForm(git: Git, store: WorkspaceStore, { base, cleanBase, theirs }: CleanForm): Promise<string> {
  if (base === cleanBase) return theirs;
  const [before, after] = [await store.readTree(git, base), await store.readTree(git, theirs)];
  return await store.changeTree(git, cleanBase, difference(before, after));
}
