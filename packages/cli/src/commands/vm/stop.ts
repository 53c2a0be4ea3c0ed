import { routes } from "@banger/api";
import { command, jsonFlag } from "../../command.ts";
import type { CliContext } from "../../context.ts";
import { severalVms } from "../../flags.ts";
import { forEachVm } from "../../vms/each.ts";

interface Flags {
  readonly json?: boolean;
}

export const stop = command({
  brief: "Shut VMs down",
  description: "Asks each guest to power off, and forces it at a deadline. The disk stays. It goes on when you leave with Ctrl-C.",
  usage: ["NAME…"],
  examples: [["banger vm stop api", "its disk stays: banger vm start api"]],
  parameters: { flags: { json: jsonFlag }, positional: severalVms },
  run: (context: CliContext, _flags: Flags, ...names: string[]) =>
    forEachVm(context, {
      names,
      act: (client, name, onEvent) => client.progress(routes.vmStop, { params: { name } }, { onEvent }),
      shown: (vm) => ({ vm }),
      told: (name, vm) => `${name} ${vm.status}`,
    }),
});
