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

export const restart = command({
  brief: "Stop VMs, then boot them",
  description: "Shuts each VM down and boots it again, on the same disk.",
  usage: ["NAME…"],
  examples: [["banger vm restart api", "as if its power button was pressed twice"]],
  parameters: { flags: { wait: waitFlag("agent"), json: jsonFlag }, positional: severalVms },
  run: (context: CliContext, flags: Flags, ...names: string[]) =>
    interruptible(context.deps, {
      work: (signal) =>
        forEachVm(context, {
          names,
          signal,
          act: (client, name, onEvent) =>
            client.progress(routes.vmRestart, { params: { name }, query: { wait: flags.wait } }, { onEvent, signal }),
          shown: (vm) => ({ vm }),
          told: (name, vm) => `${name} ${vm.status}`,
        }),
      undone: () => Promise.resolve("cancelled: what was not up again is stopped.  what there is: banger vm list"),
    }),
});
