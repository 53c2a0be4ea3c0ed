import { routes } from "@banger/api";
import { command, jsonFlag, switchFlag } from "../../command.ts";
import type { CliContext } from "../../context.ts";
import { severalVms } from "../../flags.ts";
import { forEachVm } from "../../vms/each.ts";

interface Flags {
  readonly force?: boolean;
  readonly json?: boolean;
}

export const deleteVms = command({
  brief: "Delete VMs with everything in them",
  description: "Stops each VM if it runs and removes everything of it. A name that does not exist does not stop the others.",
  usage: ["NAME…"],
  examples: [
    ["banger vm delete sandbox", "one VM"],
    ["banger vm delete $(banger vm list --json | jq -r '.[].name')", "all of them"],
  ],
  parameters: {
    flags: {
      force: switchFlag("Taken for habit: nothing is asked"),
      json: jsonFlag,
    },
    aliases: { f: "force" },
    positional: severalVms,
  },
  run: (context: CliContext, _flags: Flags, ...names: string[]) =>
    forEachVm(context, {
      names,
      act: (client, name, onEvent) => client.progress(routes.vmDelete, { params: { name } }, { onEvent }),
      told: (name) => `${name} deleted`,
    }),
});
