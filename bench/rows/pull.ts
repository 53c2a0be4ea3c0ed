import { execFileSync } from "node:child_process";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { changedWorkspace, TELL_AND_TAR, type ChangedWorkspace } from "../changed-workspace.ts";
import { timed } from "../measure.ts";
import type { Row } from "../row.ts";
import type { Stand } from "../stand.ts";

export default {
  name: "pull",
  what: "banger vm workspace pull --into-worktree of 1,000 changed files of 10,000",
  over: "the same files as a tar through `vm exec`, after git status there, unpacked here and added to a repository",
  unit: "ms",
  target: { kind: "ratio", limit: 1.5 },
  isLong: true,
  async measure(stand) {
    await using workspace = await changedWorkspace(stand);
    const { name, repository } = workspace;
    try {
      const value = await timed([stand.banger.program, "vm", "workspace", "pull", name, "--into-worktree"], stand);
      return [{ value, floor: await byTar(stand, workspace) }];
    } finally {
      // The next row finds the repository as it was.
      execFileSync("git", ["-C", repository, "reset", "--quiet", "--hard"]);
      execFileSync("git", ["-C", repository, "update-ref", "-d", `refs/banger/before-pull/${name}`]);
    }
  },
} satisfies Row;

async function byTar(stand: Stand, { name }: ChangedWorkspace): Promise<number> {
  const target = join(stand.scratch, "pulled");
  await mkdir(target);
  const line = '"$1" vm exec "$2" -- sh -c "$3" | tar x -C "$4" && git init --quiet "$4" && git -C "$4" add --all';
  const took = await timed(["sh", "-c", line, "sh", stand.banger.program, name, TELL_AND_TAR, target], stand);
  await rm(target, { recursive: true });
  return took;
}
