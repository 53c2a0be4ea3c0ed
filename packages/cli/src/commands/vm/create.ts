import { command, jsonFlag, switchFlag } from "../../command.ts";
import type { CliContext } from "../../context.ts";
import { waitFlag } from "../../flags.ts";
import { createVm } from "../../vms/create.ts";
import { ownerOf } from "../../vms/owner.ts";
import { nextSteps } from "../../vms/remarks.ts";
import { createRequest, specAliases, specFlags, type SpecFlags } from "../../vms/spec-flags.ts";

interface Flags extends SpecFlags {
  readonly noStart?: boolean;
  readonly json?: boolean;
}

export const create = command({
  brief: "Make a VM without entering it",
  description: "Makes a VM, boots it and prints its name. Ctrl-C undoes what was begun.",
  usage: ["[--name NAME] [FLAGS]"],
  examples: [
    ["banger vm create --name api --vcpu 4 --memory 4G", "a VM of that size, booted"],
    ["banger vm create --name later --no-start", "only made, not booted"],
  ],
  parameters: {
    flags: { ...specFlags, wait: waitFlag("basic"), noStart: switchFlag("Make it, do not boot it"), json: jsonFlag },
    aliases: specAliases,
  },
  async run(context: CliContext, flags: Flags) {
    const start = flags.noStart !== true;
    const { vm } = await createVm(
      context,
      createRequest(flags, { start, lease: false, wait: "basic", ...(await ownerOf(context, false)) }),
    );
    if (context.output.isJson) return context.output.json(vm);
    await context.output.result(vm.name);
    if (context.deps.isTerminal.stdout) context.output.note(nextSteps(vm));
  },
});
