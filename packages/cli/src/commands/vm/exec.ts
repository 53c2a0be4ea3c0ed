import { routes } from "@banger/api";
import { command, switchFlag } from "../../command.ts";
import type { CliContext } from "../../context.ts";
import { runInGuest } from "../../exec/session.ts";
import { checkTty, wantsTty } from "../../exec/tty-choice.ts";
import { oneVm, parseEnvironment } from "../../flags.ts";
import { findWorkspace } from "../../workspaces/known-workspace.ts";

interface Flags {
  readonly tty?: boolean;
  readonly noTty?: boolean;
  readonly interactive?: boolean;
  readonly noStdin?: boolean;
  readonly user?: string;
  readonly cwd?: string;
  readonly env?: readonly (readonly [string, string])[];
  readonly autoPrepare?: boolean;
}

/** Silent when there is nothing to bring. */
async function bringUpToDate(context: CliContext, vmName: string): Promise<void> {
  const { prepareWorkspace } = await import("../../workspaces/prepare.ts");
  await prepareWorkspace(context, { vmName, isForced: false, isAutomatic: true });
}

/** Where root's commands run in a VM that has a workspace of ours; it is told when the host has moved on. */
async function workspaceOf(context: CliContext, { user = "root" }: Flags, vmName: string): Promise<string | undefined> {
  const place = user === "root" ? findWorkspace(context, vmName) : undefined;
  if (place === undefined) return undefined;
  const [vm, remark] = await Promise.all([
    context.read(routes.vmShow, { params: { name: vmName } }),
    import("../../workspaces/moved.ts").then(({ movedRemark }) => movedRemark(context, vmName, place)),
  ]);
  if (vm.id !== place.vmId) return undefined;
  if (remark !== undefined) context.output.note(remark);
  return place.guestPath;
}

export const exec = command({
  brief: "Run a command in a VM",
  description: `Runs a command in a running VM, in root's login environment, and exits with its status; in a VM with a
workspace it runs there. The command gets a terminal when stdin, stdout and stderr are one; its arguments arrive exactly
as written, and signals are its own. Where the guest does not answer, the second Ctrl-C leaves it, and so does a SIGTERM.`,
  usage: ["NAME [FLAGS] -- COMMAND…"],
  examples: [
    ["banger vm exec api -- make test", "a command, its output, its status"],
    ["banger vm exec api --auto-prepare -- make test", "the same on the repository as it is here now"],
    ["banger vm exec api -- sh -c 'cd /srv && ls | wc -l'", "a shell line"],
    ["tar c src | banger vm exec api -- tar x -C /srv", "with stdin piped"],
    ["banger vm exec api --user nobody --env CI=1 -- env", "another user, one more variable"],
  ],
  trailing: "required",
  isAroundGuest: true,
  parameters: {
    flags: {
      tty: switchFlag("Give the command a terminal"),
      noTty: switchFlag("Give the command no terminal"),
      interactive: switchFlag("Taken for habit: stdin is always connected"),
      noStdin: switchFlag("Let it read end of file, as in loops over a list"),
      user: { kind: "parsed", parse: String, optional: true, brief: "User to run as; root without it", placeholder: "USER" },
      cwd: {
        kind: "parsed",
        parse: String,
        optional: true,
        brief: "Directory to run in; the workspace or the user's home without it",
        placeholder: "DIR",
      },
      autoPrepare: switchFlag("Bring the VM's workspace up to date with the host first"),
      env: {
        kind: "parsed",
        parse: parseEnvironment,
        optional: true,
        variadic: true,
        brief: "Variable for the command",
        placeholder: "K=V",
      },
    },
    aliases: { t: "tty", T: "noTty", i: "interactive", n: "noStdin", u: "user", w: "cwd", e: "env" },
    positional: oneVm,
  },
  check(flags: Flags) {
    checkTty(flags);
  },
  async run(context: CliContext, flags: Flags, name: string) {
    if (flags.autoPrepare === true) await bringUpToDate(context, name);
    const cwd = flags.cwd ?? (await workspaceOf(context, flags, name));
    const tty = wantsTty(flags, context.deps);
    const environment = flags.env === undefined || flags.env.length === 0 ? undefined : Object.fromEntries(flags.env);
    return await runInGuest({
      context,
      vmName: name,
      command: { argv: context.trailing ?? [], tty, stdin: flags.noStdin !== true, env: environment, cwd, user: flags.user },
    });
  },
});
