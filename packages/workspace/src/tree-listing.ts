// The list of a tree of the store, as the daemon takes it down: it tells a guest's changes from that, without any git.
import type { Git } from "./git.ts";
import type { WorkspaceStore } from "./store.ts";

/** The answer of `git ls-tree -r -z`. */
export function treeListing(git: Git, store: WorkspaceStore, tree: string): AsyncGenerator<Buffer> {
  return git.stream(["ls-tree", "-r", "-z", "--full-tree", tree], { cwd: store.directory, variables: store.variables });
}
