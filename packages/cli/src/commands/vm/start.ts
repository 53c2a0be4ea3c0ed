import { routes, type ReadinessLevel } from "@banger/api";
import { command, jsonFlag } from "../../command.ts";
import type { CliContext } from "../../context.ts";
import { severalVms, waitFlag } from "../../flags.ts";
import { interruptible } from "../../interrupt.ts";
import { forEachVm } from "../../vms/each.ts";

interface Flags {
  readonly wait?: ReadinessLevel;
  readonly json?: boolean;
}

export const start = command({
  brief: "Boot stopped VMs",
  description: "Boots each VM; one that runs is left as it is. Ctrl-C undoes boots under way.",
  usage: ["NAME…"],
  examples: [["banger vm start api db", "both at once"]],
  parameters: { flags: { wait: waitFlag("agent"), json: jsonFlag }, positional: severalVms },
  run: (context: CliContext, flags: Flags, ...names: string[]) =>
    interruptible(context.deps, {
      work: (signal) =>
        forEachVm(context, {
          names,
          signal,
          act: (client, name, onEvent) =>
            client.progress(routes.vmStart, { params: { name }, query: { wait: flags.wait } }, { onEvent, signal }),
          shown: (vm) => ({ vm }),
          told: (name, vm) => `${name} ${vm.status}`,
        }),
      undone: () => Promise.resolve("cancelled: boots under way are undone"),
    }),
});
