import { routes, type Vm } from "@banger/api";
import { command, switchFlag } from "../../command.ts";
import type { CliContext } from "../../context.ts";
import { checkTty } from "../../exec/tty-choice.ts";
import { oneVm } from "../../flags.ts";
import { shellIn } from "../../ssh/argv.ts";
import { requireSsh, sshInto } from "../../ssh/run.ts";
import { waitReady } from "../../vms/each.ts";
import { findWorkspace } from "../../workspaces/known-workspace.ts";
import { leftBehind } from "../../vms/remarks.ts";

interface Flags {
  readonly tty?: boolean;
  readonly noTty?: boolean;
}

export const ssh = command({
  brief: "Open a shell in a VM",
  description: `Opens a shell in a running VM with ssh, once its sshd answers; in its workspace where it has one. No
route to the guest is needed; your own ssh configuration takes no part; only the host key made for this VM is
accepted. After --, one word is a line for the guest's shell, several are a command with its arguments.`,
  usage: ["NAME", "NAME -- COMMAND…"],
  examples: [
    ["banger vm ssh api", "a shell"],
    ["banger vm ssh api -- 'cd /srv && ls'", "a line for the guest's shell"],
    ["banger vm ssh api < setup.sh", "a script, run by the guest's shell"],
  ],
  trailing: "optional",
  isAroundGuest: true,
  parameters: {
    flags: { tty: switchFlag("Give the command a terminal"), noTty: switchFlag("No terminal in the guest") },
    aliases: { t: "tty", T: "noTty" },
    positional: oneVm,
  },
  check(flags: Flags) {
    checkTty(flags);
  },
  async run(context: CliContext, flags: Flags, name: string) {
    requireSsh(context.deps);
    const { client, result: seen } = await context.open(routes.vmShow, { params: { name } });
    const vm = await waitReady(context, client, { seen, level: "ssh" });
    const cwd = context.trailing === undefined && context.deps.isTerminal.stdin ? await workspaceOf(context, vm) : undefined;
    const tty = chooseTty(context, flags);
    // With a command to run, ssh gives a terminal only when told.
    const session =
      cwd === undefined
        ? { command: context.trailing ?? [], tty }
        : { command: [shellIn(cwd)], tty: tty === "auto" ? ("force" as const) : tty };
    const status = await sshInto({ context, client, vm, ...session });
    if (context.trailing === undefined && context.deps.isTerminal.stdin) {
      const now = await client.call(routes.vmShow, { params: { name } }).catch(() => undefined);
      if (now !== undefined) context.output.note(leftBehind(now));
    }
    return status;
  },
});

/** Directory of the VM's workspace; it is told when the host has moved on. */
async function workspaceOf(context: CliContext, vm: Vm): Promise<string | undefined> {
  const place = findWorkspace(context, vm.name);
  if (place === undefined || place.vmId !== vm.id) return undefined;
  const { movedRemark } = await import("../../workspaces/moved.ts");
  const remark = await movedRemark(context, vm.name, place);
  if (remark !== undefined) context.output.note(remark);
  return place.guestPath;
}

/** Without a word of the user, as ssh decides; without a terminal here, ssh would remark on it. */
function chooseTty({ deps }: CliContext, flags: Flags): "auto" | "force" | "never" {
  if (flags.tty === true) return "force";
  return flags.noTty === true || !deps.isTerminal.stdin ? "never" : "auto";
}
