// The patch between two trees of the store: binary-safe, the same whatever the user's git is told to show, and what `git apply`
// takes.
import type { Git } from "./git.ts";
import type { WorkspaceStore } from "./store.ts";

export interface PatchRequest {
  readonly store: WorkspaceStore;
  readonly from: string;
  readonly to: string;
  /** `stat` sums up instead. */
  readonly format?: "patch" | "stat" | undefined;
  readonly isColoured?: boolean | undefined;
  /** Columns of a summary; 80 without it. */
  readonly width?: number | undefined;
}

const PLAIN = ["--no-ext-diff", "--no-textconv", "--find-renames", "--src-prefix=a/", "--dst-prefix=b/"] as const;

export function makePatch(
  git: Git,
  { store, from, to, format = "patch", isColoured = false, width = 80 }: PatchRequest,
): AsyncGenerator<Buffer> {
  const shape = format === "stat" ? [`--stat=${width}`, "--summary"] : ["--patch", "--binary", "--full-index"];
  const colour = isColoured ? "--color=always" : "--color=never";
  return git.stream(["diff-tree", "-r", ...PLAIN, ...shape, colour, from, to], { cwd: store.directory, variables: store.variables });
}
