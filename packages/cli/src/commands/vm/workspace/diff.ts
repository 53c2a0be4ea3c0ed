import { command, switchFlag } from "../../../command.ts";
import type { CliContext } from "../../../context.ts";
import { oneVm } from "../../../flags.ts";
import { includeIgnoredFlag } from "../../../workspaces/flags.ts";

interface Flags {
  readonly stat?: boolean;
  readonly baseCommit?: string;
  readonly includeIgnored?: readonly string[];
}

export const diff = command({
  brief: "Show what a guest changed",
  description: `Shows what changed in the VM's workspace since it was copied, as git diff would: in colours and a pager on a terminal.
Of a VM that is stopped or gone it shows what was kept; one that is gone can be named by its id, too.`,
  usage: ["NAME [--stat] [--base-commit COMMIT] [--include-ignored PATTERN]…"],
  examples: [
    ["banger vm workspace diff api", "line by line"],
    ["banger vm workspace diff api --stat", "which files, and how much"],
  ],
  parameters: {
    flags: {
      stat: switchFlag("Sum up each file instead"),
      baseCommit: {
        kind: "parsed",
        parse: String,
        optional: true,
        brief: "Compare with this commit of your repository",
        placeholder: "COMMIT",
      },
      includeIgnored: includeIgnoredFlag,
    },
    positional: oneVm,
  },
  async run(context: CliContext, flags: Flags, name: string) {
    const { guestChanges } = await import("../../../workspaces/guest-changes.ts");
    const { showPatch } = await import("../../../workspaces/show-patch.ts");
    const found = await guestChanges(context, { vmName: name, baseCommit: flags.baseCommit, includeIgnored: flags.includeIgnored });
    await showPatch(context, found, { format: flags.stat === true ? "stat" : "patch" });
  },
});
