import { routes } from "@banger/api";
import { command, jsonFlag } from "../../command.ts";
import type { CliContext } from "../../context.ts";
import { vmTable } from "../../vms/vm-table.ts";

export const list = command({
  brief: "List the VMs",
  description: `Lists all VMs, oldest first. DISK is what the VM takes on this host, and the most it can take; WORKSPACE is the
repository that was copied in, and where to.`,
  usage: ["[--json]"],
  examples: [["banger vm list --json | jq -r '.[].name'", "their names, for a script"]],
  parameters: { flags: { json: jsonFlag } },
  async run(context: CliContext, _flags: { readonly json?: boolean }) {
    const vms = await context.read(routes.vmList, {});
    if (context.output.isJson) await context.output.json(vms);
    else if (vms.length > 0) await context.output.result(vmTable(vms, context.deps.now()));
    else context.output.note("no VMs.  make one: banger vm run");
  },
});
