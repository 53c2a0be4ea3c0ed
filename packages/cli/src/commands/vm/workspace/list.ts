import { routes, type KeptVm, type Vm, type Workspace } from "@banger/api";
import { command, jsonFlag } from "../../../command.ts";
import type { CliContext } from "../../../context.ts";
import { table } from "../../../output/table.ts";
import { formatAge } from "../../../output/times.ts";
import { lonelyRemark } from "../../../workspaces/kept-work.ts";
import { shownPath } from "../../../workspaces/shown-workspaces.ts";

export const list = command({
  brief: "List the repositories in VMs, and what was kept of VMs that are gone",
  description: `Lists the repositories that were copied into VMs. CHANGED counts the files that were kept when the VM went down, KEPT
says how long ago; of a VM that runs, banger vm workspace diff asks the guest. One that is gone keeps its name until a
new VM has it, and its id for good.`,
  usage: ["[--json]"],
  examples: [["banger vm workspace list --json | jq -r '.[] | select(.status == \"gone\") | .id'", "what was left behind, for a script"]],
  parameters: { flags: { json: jsonFlag } },
  async run(context: CliContext, _flags: { readonly json?: boolean }) {
    const client = await context.connect();
    const [vms, gone] = await Promise.all([client.call(routes.vmList, {}), client.call(routes.keptList, {})]);
    const rows = [...vms.flatMap((vm) => rowsOf(vm, vm.status)), ...gone.flatMap((vm) => rowsOf(vm, "gone"))];
    if (context.output.isJson) await context.output.json(rows);
    else if (rows.length > 0) await show(context, rows);
    else context.output.note("no workspaces.  make one: banger vm run PATH");
  },
});

interface Row extends Workspace {
  readonly id: string;
  readonly name: string;
  readonly status: Vm["status"] | "gone";
}

function rowsOf({ id, name, workspaces }: Vm | KeptVm, status: Row["status"]): readonly Row[] {
  return workspaces.map((workspace) => ({ id, name, status, ...workspace }));
}

async function show(context: CliContext, rows: readonly Row[]): Promise<void> {
  await context.output.result(workspaceTable(rows, context.deps.now()));
  for (const { name, kept } of rows)
    if (kept?.isLatest === true && kept.lonelyRefs !== undefined) context.output.note(lonelyRemark(name, kept.lonelyRefs));
}

const HEADER = ["NAME", "STATUS", "GUEST PATH", "REPOSITORY", "CHANGED", "KEPT", "ID"];

function workspaceTable(rows: readonly Row[], nowMs: number): string {
  return table(
    HEADER,
    rows.map((row) => [
      row.name,
      row.status,
      shownPath(row.guestPath),
      shownPath(row.source),
      ...(row.kept?.isLatest === true ? [`${row.kept.files}`, formatAge(row.kept.at, nowMs)] : ["-", "-"]),
      row.id,
    ]),
  );
}
