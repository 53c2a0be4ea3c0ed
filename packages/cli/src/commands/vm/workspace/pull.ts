import { command, jsonFlag, switchFlag } from "../../../command.ts";
import { usageError, type CliContext } from "../../../context.ts";
import { oneVm } from "../../../flags.ts";

interface Flags {
  readonly branch?: string;
  readonly intoWorktree?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export const pullChanges = command({
  brief: "Bring what a guest changed into your repository",
  description: `Brings what changed in the VM's workspace into the repository it was copied from: as a commit on the branch
banger/NAME, your files and HEAD as they are, or with --into-worktree merged into your files, uncommitted edits
included. Only what is new since the last pull comes. What both sides changed is left as git leaves a conflict,
and what was in the work tree before is kept in refs/banger/before-pull/NAME.`,
  usage: ["NAME [--branch BRANCH] [--dry-run] [--json]", "NAME --into-worktree [--dry-run] [--json]"],
  examples: [
    ["banger vm workspace pull api", "onto the branch banger/api; again later for what is new"],
    ["banger vm workspace pull api --into-worktree", "merged into your files"],
    ["banger vm workspace pull api --dry-run", "what would come"],
  ],
  parameters: {
    flags: {
      branch: {
        kind: "parsed",
        parse: String,
        optional: true,
        brief: "Branch to commit on; banger/NAME without it",
        placeholder: "BRANCH",
      },
      intoWorktree: switchFlag("Merge into the files of the work tree instead"),
      dryRun: switchFlag("List what would come, do nothing"),
      json: jsonFlag,
    },
    positional: oneVm,
  },
  check(flags: Flags) {
    if (flags.branch !== undefined && flags.intoWorktree === true)
      throw usageError("--branch and --into-worktree exclude each other", "banger vm workspace pull NAME --into-worktree");
  },
  async run(context: CliContext, flags: Flags, name: string) {
    const { pullWorkspace } = await import("../../../workspaces/pull.ts");
    return await pullWorkspace(context, {
      vmName: name,
      intoWorkTree: flags.intoWorktree === true,
      branch: flags.branch,
      isDryRun: flags.dryRun === true,
    });
  },
});
