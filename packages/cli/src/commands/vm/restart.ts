import { routes, type ReadinessLevel } from "@banger/api";
import { command, jsonFlag } from "../../command.ts";
import type { CliContext } from "../../context.ts";
import { severalVms, waitFlag } from "../../flags.ts";
import { bootEach } from "../../vms/boot.ts";

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
    bootEach(context, {
      route: routes.vmRestart,
      names,
      wait: flags.wait,
      undone: "cancelled: what was not up again is stopped.  what there is: banger vm list",
    }),
});
