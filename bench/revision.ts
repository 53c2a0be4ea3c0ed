// Which banger a result is of, so that a row that got slower can be followed to a change.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Banger } from "../test/smoke/banger.ts";

export interface Revision {
  readonly version: string;
  /** Hex; null where the source is in no git repository. */
  readonly commit: string | null;
  /** Whether what was measured differs from the commit. */
  readonly isDirty: boolean;
}

/** Of the source in `root`, from which `banger` was built. */
export async function revisionOf(root: string, banger: Banger): Promise<Revision> {
  const { banger: version } = (await banger.json("version")) as { readonly banger: string };
  return { version, ...(await commitOf(root)) };
}

export async function commitOf(root: string): Promise<Omit<Revision, "version">> {
  const git = async (...args: readonly string[]) => (await promisify(execFile)("git", ["-C", root, ...args])).stdout.trim();
  const commit = await git("rev-parse", "--verify", "--quiet", "HEAD").catch(() => null);
  if (commit === null) return { commit, isDirty: false };
  // Results just kept are no change of banger.
  return { commit, isDirty: (await git("status", "--porcelain", "--", ".", ":!bench/results")) !== "" };
}

/** `0.1.0, 1a2b3c4d with changes`. */
export function revisionText({ version, commit, isDirty }: Revision): string {
  return `${version}${commit === null ? "" : `, ${shortCommit(commit)}`}${isDirty ? " with changes" : ""}`;
}

/** As many digits as tell commits apart. */
export function shortCommit(commit: string): string {
  return commit.slice(0, 8);
}
