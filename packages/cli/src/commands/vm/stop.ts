import { routes } from "@banger/api";
import { command, jsonFlag } from "../../command.ts";
import type { CliContext } from "../../context.ts";
import { chosenVmNames } from "../../flags.ts";
import { interruptible } from "../../interrupt.ts";
import { allFlag, checkChosen, chosenVms } from "../../vms/chosen.ts";
import { forEachVm } from "../../vms/each.ts";

interface Flags {
  readonly all?: boolean;
  readonly json?: boolean;
}

export const stop = command({
  brief: "Shut VMs down",
  description: "Asks each guest to power off, and forces it at a deadline. The disk stays. It goes on when you leave with Ctrl-C.",
  usage: ["NAME…", "--all"],
  examples: [
    ["banger vm stop api", "its disk stays: banger vm start api"],
    ["banger vm stop --all", "every VM that runs"],
  ],
  parameters: { flags: { all: allFlag, json: jsonFlag }, aliases: { a: "all" }, positional: chosenVmNames },
  check: (flags: Flags, _trailing, ...names: string[]) => checkChosen(flags, names),
  async run(context: CliContext, _flags: Flags, ...named: string[]) {
    const names = await chosenVms(context, named, ({ status }) => status !== "stopped");
    return await interruptible(context.deps, {
      work: (signal) =>
        forEachVm(context, {
          names,
          signal,
          act: (client, name, onEvent) => client.progress(routes.vmStop, { params: { name } }, { onEvent, signal }),
          shown: (vm) => ({ vm }),
          told: (name, vm) => `${name} ${vm.status}`,
        }),
      undone: () => Promise.resolve("left: stopping goes on.  how far it is: banger vm list"),
    });
  },
});
