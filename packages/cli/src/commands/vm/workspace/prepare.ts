import { command, jsonFlag, switchFlag } from "../../../command.ts";
import type { CliContext } from "../../../context.ts";
import { oneVm } from "../../../flags.ts";
import { workspaceFlags } from "../../../workspaces/flags.ts";

interface Flags {
  readonly mode?: "shallow" | "full";
  readonly guestPath?: string;
  readonly includeUntracked?: boolean;
  readonly force?: boolean;
  readonly json?: boolean;
}

export const prepare = command({
  brief: "Bring a guest's copy of your repository up to date",
  description: `Makes the copy in a running VM what your repository is now: edits, new files, deletions, commits, branch and
what is staged. Only what changed since the last copy travels. What the guest made stays. Where both sides changed
something, nothing is copied and all of it is listed; --force takes your side there. A VM without a copy gets one.`,
  usage: ["NAME [--force] [--include-untracked] [--json]", "NAME PATH [--mode shallow|full] [--guest-path DIR]"],
  examples: [
    ["banger vm workspace prepare api", "after an edit or a commit here"],
    ["banger vm workspace prepare api ./repo", "the first copy into a VM that has none"],
    ["banger vm workspace prepare api --force", "over what the guest changed"],
  ],
  parameters: {
    flags: {
      mode: workspaceFlags.mode,
      guestPath: workspaceFlags.guestPath,
      includeUntracked: workspaceFlags.includeUntracked,
      force: switchFlag("Overwrite what the guest changed where it is in the way"),
      json: jsonFlag,
    },
    positional: {
      kind: "tuple",
      parameters: [
        oneVm.parameters[0],
        { parse: String, brief: "A directory of the repository; that of the copy without it", placeholder: "PATH", optional: true },
      ],
    },
  },
  async run(context: CliContext, flags: Flags, ...[name, path]: [name: string, path?: string]) {
    const { prepareWorkspace } = await import("../../../workspaces/prepare.ts");
    await prepareWorkspace(context, {
      vmName: name,
      path,
      mode: flags.mode,
      guestPath: flags.guestPath,
      includeUntracked: flags.includeUntracked,
      isForced: flags.force === true,
      isAutomatic: false,
    });
  },
});
