import { BangerError, routes, type Client, type KeptVm, type ProgressEvent, type Vm } from "@banger/api";
import { command, jsonFlag, switchFlag } from "../../command.ts";
import { usageError, type CliContext } from "../../context.ts";
import { waitFlag } from "../../flags.ts";
import { ensureStateDirectory } from "../../daemon/not-writable.ts";
import { requireSsh, sshInto } from "../../ssh/run.ts";
import { createVm } from "../../vms/create.ts";
import { recordBoot } from "../../vms/explain.ts";
import { holdLease, keepForALook } from "../../vms/lease.ts";
import { ownerOf } from "../../vms/owner.ts";
import { leftBehind, nextSteps } from "../../vms/remarks.ts";
import { createRequest, specAliases, specFlags, type SpecFlags } from "../../vms/spec-flags.ts";
import { EXIT } from "../../exit-codes.ts";
import { runInGuest } from "../../exec/session.ts";
import { checkTty, wantsTty } from "../../exec/tty-choice.ts";
import { shellIn } from "../../ssh/argv.ts";
import { waitReady } from "../../vms/each.ts";
import type { AfterRun } from "../../workspaces/after-run.ts";
import { checkToolingFlags, toolingFlags, type ToolingFlags } from "../../tooling/choice.ts";
import { planTooling } from "../../tooling/install.ts";
import { checkWorkspaceFlags, workspaceFlags, type WorkspaceFlags } from "../../workspaces/flags.ts";

interface Flags extends SpecFlags, WorkspaceFlags, ToolingFlags {
  readonly rm?: boolean;
  readonly detach?: boolean;
  readonly tty?: boolean;
  readonly noTty?: boolean;
  readonly explain?: boolean;
  readonly json?: boolean;
}

export const run = command({
  brief: "Make a VM and enter it, or run a command in it",
  description: `Makes a VM, boots it and opens a shell in it. With -- COMMAND it runs that command instead, wired to
this terminal, and exits with the command's status. The VM stays until it is deleted; --rm deletes it at the end.
With a PATH the git repository there is copied to /root/repo, and that is where you are, or the command runs. The tools
that the repository's mise.toml or .tool-versions names are installed: in the background of a shell, before --detach
returns, before a command with --bootstrap only. What changes there is kept when the VM goes: banger vm workspace diff,
export and pull have it. Commits made in the guest carry your git name and email.
config.toml may name other defaults for its size and image: banger config show.`,
  usage: ["[PATH] [--name NAME] [--rm] [FLAGS]", "[PATH] [--name NAME] [--rm] [FLAGS] -- COMMAND…", "[PATH] --detach [FLAGS]"],
  examples: [
    ["banger vm run", "a shell in a fresh VM"],
    ["banger vm run ./api -- make test", "the repository copied in, a command run in it"],
    ["banger vm run --rm -- uname -a", "one command, nothing left behind"],
    ["banger vm run --name api --memory 4G -p 3000:3000", "a named VM with a published port"],
    ["banger vm run -d --name db", "boot it and return"],
  ],
  trailing: "optional",
  isAroundGuest: true,
  parameters: {
    flags: {
      rm: switchFlag("Delete the VM at the end, whatever happens; only one that did not get ready is kept"),
      detach: switchFlag("Boot it and return its name"),
      ...specFlags,
      wait: waitFlag("basic, ssh for a shell"),
      ...workspaceFlags,
      ...toolingFlags,
      tty: switchFlag("Give the command a terminal"),
      noTty: switchFlag("Give the command no terminal"),
      explain: switchFlag("Say where the time of the boot went"),
      json: jsonFlag,
    },
    aliases: { ...specAliases, d: "detach", t: "tty", T: "noTty" },
    positional: {
      kind: "tuple",
      parameters: [{ parse: String, brief: "A directory of the git repository to copy in", placeholder: "PATH", optional: true }],
    },
  },
  check(flags: Flags, trailing, path?: string) {
    checkWorkspaceFlags(flags, path);
    checkToolingFlags(flags, path);
    if (flags.detach === true && flags.rm === true)
      throw usageError("--detach and --rm exclude each other: a detached VM has no end to be deleted at");
    if (flags.detach === true && trailing !== undefined)
      throw usageError("--detach takes no command", "banger vm run --detach --name NAME, then: banger vm exec NAME -- COMMAND");
    checkTty(flags);
    if (flags.json === true && flags.detach !== true && flags.dryRun !== true)
      throw usageError("--json needs --detach or --dry-run: otherwise the output is the guest's");
  },
  async run(context: CliContext, flags: Flags, path?: string) {
    await using workspace = path === undefined ? undefined : await openWorkspace(context, flags, path);
    if (flags.dryRun === true) return await workspace?.show();
    const isShell = context.trailing === undefined && flags.detach !== true;
    if (isShell) requireSsh(context.deps);
    const session = context.trailing !== undefined ? "command" : isShell ? "shell" : "detached";
    const tooling = planTooling(context, { flags, session, workspace });
    const level = flags.wait ?? (isShell ? "ssh" : "basic");
    // Files can go in long before the guest is up.
    const wait = workspace === undefined ? level : "agent";
    const request = createRequest(
      { ...flags, wait },
      {
        start: true,
        lease: flags.rm === true,
        wait,
        needsNetwork: tooling.needsNetwork,
        ...(await ownerOf(context, isShell)),
      },
    );
    const times = flags.explain === true ? recordBoot() : undefined;
    const { client, vm } = await createVm(context, request, times?.sink);
    if (times !== undefined) context.deps.stderr.write(times.explain());
    const inside = { context, client, vm, flags, cwd: workspace?.guestPath };
    const install = async () => {
      const remark = await tooling.install(client, vm);
      return () => remark !== undefined && context.output.note(remark);
    };
    const work = async () => {
      await workspace?.copyInto(client, vm);
      if (session === "command") {
        (await install())();
        return execute(inside);
      }
      // A prompt does not wait for the tools, nor for their beginning.
      const begun = tooling.isInBackground ? install() : undefined;
      const now = workspace === undefined ? vm : await client.call(routes.vmShow, { params: { name: vm.name } });
      await waitReady(context, client, { seen: now, level });
      (await (begun ?? install()))();
      return isShell ? enter(inside) : detached(context, vm);
    };
    if (flags.detach === true) return await work();
    return await (flags.rm === true ? untilDeleted({ ...inside, work, isSession: isShell }) : leaving({ ...inside, work }));
  },
});

/** Loaded when there is one: most commands start without git and compression. */
async function openWorkspace(context: CliContext, flags: Flags, path: string) {
  await ensureStateDirectory(context.deps, context.paths);
  const { openRunWorkspace } = await import("../../workspaces/run-workspace.ts");
  return await openRunWorkspace(context, flags, path);
}

interface Inside {
  readonly context: CliContext;
  readonly client: Client;
  readonly vm: Vm;
  readonly flags: Flags;
  /** Directory of the workspace in the guest. */
  readonly cwd: string | undefined;
}

interface Working extends Pick<Inside, "context" | "client" | "vm"> {
  readonly work: () => Promise<number>;
}

interface Deleting extends Working {
  /** Whether somebody sits at a shell in it. */
  readonly isSession: boolean;
}

async function enter({ context, client, vm, cwd }: Inside): Promise<number> {
  const isTerminal = context.deps.isTerminal.stdin;
  if (cwd === undefined) return await sshInto({ context, client, vm, command: [], tty: isTerminal ? "auto" : "never" });
  return await sshInto({ context, client, vm, command: [shellIn(cwd)], tty: isTerminal ? "force" : "never" });
}

async function execute({ context, client, vm, flags, cwd }: Inside): Promise<number> {
  const tty = wantsTty(flags, context.deps);
  return await runInGuest({
    context,
    client,
    vmName: vm.name,
    command: { argv: context.trailing ?? [], tty, stdin: true, wait: flags.wait, cwd },
  });
}

async function detached(context: CliContext, vm: Vm): Promise<number> {
  if (context.output.isJson) {
    await context.output.json(vm);
    return EXIT.ok;
  }
  await context.output.result(vm.name);
  if (context.deps.isTerminal.stdout) context.output.note(nextSteps(vm));
  return EXIT.ok;
}

/** Says where the VM is once we are out of it; a guest may have powered off. One that was lost may be just about to. */
async function leaving({ context, client, vm, work }: Working): Promise<number> {
  let isLost = false;
  try {
    return await work();
  } catch (error) {
    isLost = error instanceof BangerError && error.code === "guest.unreachable";
    throw error;
  } finally {
    const now = isLost ? undefined : await client.call(routes.vmShow, { params: { name: vm.name } }).catch(() => undefined);
    if (now !== undefined) context.output.note(leftBehind(now));
  }
}

/**
 * Holds the lease while we are in; deletes the VM at the end, whatever the end, unless it did not get ready. What changed in its
 * workspace is kept.
 */
async function untilDeleted({ context, client, vm, work, isSession }: Deleting): Promise<number> {
  await using lease = holdLease({ context, client, vmName: vm.name });
  let isKept = false;
  let gone: Gone = { kept: null };
  let status: number;
  try {
    status = await work();
  } catch (error) {
    isKept = await keepForALook(error, client, vm.name);
    throw error;
  } finally {
    if (!isKept) gone = await deleteVm(context, vm.name);
    if (gone.failure !== undefined) context.output.error(gone.failure);
    await lease[Symbol.asyncDispose]();
    if (gone.kept !== null) await settle(context, { client, kept: gone.kept, isSession });
  }
  return status === EXIT.ok && gone.failure !== undefined ? EXIT.aroundGuest : status;
}

interface Gone {
  readonly kept: KeptVm | null;
  readonly failure?: BangerError;
}

/** Nothing is said of a VM that is gone already, nor of one that goes quickly. */
async function deleteVm(context: CliContext, name: string): Promise<Gone> {
  const onEvent = (event: ProgressEvent) => {
    if (event.type === "warning") context.output.note(`! ${event.message}`);
  };
  try {
    const client = await context.connect();
    return await client.progress(routes.vmDelete, { params: { name } }, { onEvent });
  } catch (error) {
    if (!(error instanceof BangerError)) throw error;
    return error.code === "vm.not_found" ? { kept: null } : { kept: null, failure: error };
  }
}

async function settle(context: CliContext, after: AfterRun): Promise<void> {
  const { settleKept } = await import("../../workspaces/after-run.ts");
  await settleKept(context, after);
}
