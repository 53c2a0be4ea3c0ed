import { routes } from "@banger/api";
import { command, jsonFlag } from "../../command.ts";
import type { CliContext } from "../../context.ts";
import { parseSignal, severalVms } from "../../flags.ts";
import { forEachVm } from "../../vms/each.ts";

interface Flags {
  readonly signal?: string;
  readonly json?: boolean;
}

/** What has become of a VM by a signal that does not end it. */
const DONE: Readonly<Record<string, string>> = { STOP: "stands still", CONT: "goes on" };

export const kill = command({
  brief: "End VMs at once",
  description: `Sends a signal to the VMM of each VM, KILL unless told: the guest has no say, fresh writes may be lost. All
but STOP and CONT end it for sure.`,
  usage: ["NAME… [--signal SIGNAL]"],
  examples: [["banger vm kill api", "when vm stop takes too long"]],
  parameters: {
    flags: {
      signal: { kind: "parsed", parse: parseSignal, optional: true, brief: "Signal to send, as KILL or TERM", placeholder: "SIGNAL" },
      json: jsonFlag,
    },
    aliases: { s: "signal" },
    positional: severalVms,
  },
  run: (context: CliContext, flags: Flags, ...names: string[]) =>
    forEachVm(context, {
      names,
      act: (client, name) =>
        client.call(routes.vmKill, { params: { name }, body: flags.signal === undefined ? {} : { signal: flags.signal } }),
      shown: (vm) => ({ vm }),
      told: (name) => `${name} ${DONE[flags.signal ?? "KILL"] ?? "killed"}`,
    }),
});
