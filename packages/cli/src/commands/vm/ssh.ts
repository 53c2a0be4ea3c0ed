import { routes } from "@banger/api";
import { command, switchFlag } from "../../command.ts";
import type { CliContext } from "../../context.ts";
import { checkTty } from "../../exec/tty-choice.ts";
import { oneVm } from "../../flags.ts";
import { sshInto } from "../../ssh/run.ts";
import { waitReady } from "../../vms/each.ts";
import { leftBehind } from "../../vms/remarks.ts";

interface Flags {
  readonly tty?: boolean;
  readonly noTty?: boolean;
}

export const ssh = command({
  brief: "Open a shell in a VM",
  description: `Opens a shell in a running VM with ssh, once its sshd answers. No route to the guest is needed; your own ssh
configuration takes no part; only the host key made for this VM is accepted. After --, one word is a line for the
guest's shell, several are a command with its arguments.`,
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
    const client = await context.connect();
    const vm = await waitReady(context, client, { name, level: "ssh" });
    const status = await sshInto({ context, vm, command: context.trailing ?? [], tty: chooseTty(context, flags) });
    if (context.trailing === undefined && context.deps.isTerminal.stdin) {
      const now = await client.call(routes.vmShow, { params: { name } }).catch(() => undefined);
      if (now !== undefined) context.output.note(leftBehind(now));
    }
    return status;
  },
});

/** Without a word of the user, as ssh decides; without a terminal here, ssh would remark on it. */
function chooseTty({ deps }: CliContext, flags: Flags): "auto" | "force" | "never" {
  if (flags.tty === true) return "force";
  return flags.noTty === true || !deps.isTerminal.stdin ? "never" : "auto";
}
