import { routes, type ReadinessLevel } from "@banger/api";
import { command, jsonFlag } from "../../command.ts";
import type { CliContext } from "../../context.ts";
import { severalVms, waitFlag } from "../../flags.ts";
import { bootEach } from "../../vms/boot.ts";

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
    bootEach(context, {
      route: routes.vmStart,
      names,
      wait: flags.wait,
      undone: "cancelled: boots under way are undone",
    }),
});
