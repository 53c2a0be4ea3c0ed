import { routes } from "@banger/api";
import { command, jsonFlag } from "../../command.ts";
import type { CliContext } from "../../context.ts";
import { oneVm } from "../../flags.ts";
import { vmDetails } from "../../vms/vm-details.ts";

export const show = command({
  brief: "Show one VM",
  description: "Shows everything that is known of a VM.",
  usage: ["NAME [--json]"],
  examples: [["banger vm show api --json | jq -r .address", "one value, for a script"]],
  parameters: { flags: { json: jsonFlag }, positional: oneVm },
  async run(context: CliContext, _flags: { readonly json?: boolean }, name: string) {
    const vm = await context.read(routes.vmShow, { params: { name } });
    if (context.output.isJson) await context.output.json(vm);
    else await context.output.result(vmDetails(vm, context.deps.now()));
  },
});
