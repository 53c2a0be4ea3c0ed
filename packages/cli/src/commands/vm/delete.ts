import { routes } from "@banger/api";
import { command, jsonFlag, switchFlag } from "../../command.ts";
import type { CliContext } from "../../context.ts";
import { severalVms } from "../../flags.ts";
import { forEachVm } from "../../vms/each.ts";
import { keptRemark } from "../../workspaces/kept-work.ts";

interface Flags {
  readonly force?: boolean;
  readonly discardChanges?: boolean;
  readonly json?: boolean;
}

export const deleteVms = command({
  brief: "Delete VMs with everything in them",
  description: `Stops each VM if it runs and removes everything of it, but what its guest changed in a repository that was copied in:
that is kept, for banger vm workspace diff, export and pull. A VM whose changes cannot be had, as one that was killed,
or whose guest has a stash or commits that are not checked out, stays. A name that does not exist does not stop the
others.`,
  usage: ["NAME… [--discard-changes]"],
  examples: [
    ["banger vm delete sandbox", "one VM"],
    ["banger vm delete sandbox --discard-changes", "and the changes in its repository are lost"],
    ["banger vm delete $(banger vm list --json | jq -r '.[].name')", "all of them"],
  ],
  parameters: {
    flags: {
      force: switchFlag("Taken for habit: nothing is asked"),
      discardChanges: switchFlag("Lose what changed in copied repositories: nothing of it is kept"),
      json: jsonFlag,
    },
    aliases: { f: "force" },
    positional: severalVms,
  },
  run: (context: CliContext, flags: Flags, ...names: string[]) =>
    forEachVm(context, {
      names,
      act: (client, name, onEvent) =>
        client.progress(
          routes.vmDelete,
          { params: { name }, query: flags.discardChanges === true ? { discardChanges: "true" } : {} },
          { onEvent },
        ),
      shown: ({ kept }) => ({ kept }),
      told: (name) => `${name} deleted`,
      remark: ({ kept }) => keptRemark(kept),
    }),
});
