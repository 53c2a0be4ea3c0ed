import { BangerError, routes, type Client, type Vm } from "@banger/api";
import { command, jsonFlag, switchFlag } from "../../command.ts";
import { usageError, type CliContext } from "../../context.ts";
import { sshInto } from "../../ssh/run.ts";
import { createVm } from "../../vms/create.ts";
import { explainSpec } from "../../vms/explain.ts";
import { holdLease } from "../../vms/lease.ts";
import { authorizedKeys } from "../../vms/owner-key.ts";
import { leftBehind, nextSteps } from "../../vms/remarks.ts";
import { createRequest, specAliases, specFlags, type SpecFlags } from "../../vms/spec-flags.ts";
import { EXIT } from "../../exit-codes.ts";
import { runInGuest } from "../../exec/session.ts";
import { checkTty, wantsTty } from "../../exec/tty-choice.ts";

interface Flags extends SpecFlags {
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
this terminal, and exits with the command's status. The VM stays until it is deleted; --rm deletes it at the end.`,
  usage: ["[--name NAME] [--rm] [FLAGS]", "[--name NAME] [--rm] [FLAGS] -- COMMAND…", "--detach [FLAGS]"],
  examples: [
    ["banger vm run", "a shell in a fresh VM"],
    ["banger vm run --rm -- uname -a", "one command, nothing left behind"],
    ["banger vm run --name api --memory 4G -p 3000:3000", "a named VM with a published port"],
    ["banger vm run -d --name db", "boot it and return"],
  ],
  trailing: "optional",
  isAroundGuest: true,
  parameters: {
    flags: {
      ...specFlags,
      rm: switchFlag("Delete the VM at the end, whatever happens"),
      detach: switchFlag("Boot it and return its name"),
      tty: switchFlag("Give the command a terminal"),
      noTty: switchFlag("Give the command no terminal"),
      explain: switchFlag("Say what it would be made of, make nothing"),
      json: jsonFlag,
    },
    aliases: { ...specAliases, d: "detach", t: "tty", T: "noTty" },
  },
  check(flags: Flags, trailing) {
    if (flags.detach === true && flags.rm === true) throw usageError("--detach and --rm exclude each other: a detached VM has no end to be deleted at");
    if (flags.detach === true && trailing !== undefined) throw usageError("--detach takes no command", "banger vm run --detach --name NAME, then: banger vm exec NAME -- COMMAND");
    checkTty(flags);
    if (flags.json === true && flags.detach !== true && flags.explain !== true) throw usageError("--json needs --detach or --explain: otherwise the output is the guest's");
  },
  async run(context: CliContext, flags: Flags) {
    if (flags.explain === true) return explainSpec(context, flags);
    const isShell = context.trailing === undefined && flags.detach !== true;
    const request = createRequest(flags, { start: true, lease: flags.rm === true, wait: isShell ? "ssh" : "basic", authorizedKeys: await authorizedKeys(context, isShell) });
    const { client, vm } = await createVm(context, request);
    if (flags.detach === true) return detached(context, vm);
    const inside = { context, client, vm, work: () => (isShell ? enter(context, vm) : execute(context, client, vm, flags)) };
    return flags.rm === true ? untilDeleted(inside) : leaving(inside);
  },
});

interface Inside {
  readonly context: CliContext;
  readonly client: Client;
  readonly vm: Vm;
  readonly work: () => Promise<number>;
}

async function enter(context: CliContext, vm: Vm): Promise<number> {
  return await sshInto({ context, vm, command: [], tty: context.deps.isTerminal.stdin ? "auto" : "never" });
}

async function execute(context: CliContext, client: Client, vm: Vm, flags: Flags): Promise<number> {
  const tty = wantsTty(flags, context.deps);
  return await runInGuest({ context, client, vmName: vm.name, command: { argv: context.trailing ?? [], tty, stdin: true, wait: flags.wait } });
}

async function detached(context: CliContext, vm: Vm): Promise<void> {
  if (context.output.isJson) return context.output.json(vm);
  await context.output.result(vm.name);
  if (context.deps.isTerminal.stdout) context.output.note(nextSteps(vm));
}

/** Says where the VM is once we are out of it; a guest may have powered off. */
async function leaving({ context, client, vm, work }: Inside): Promise<number> {
  try {
    return await work();
  } finally {
    const now = await client.call(routes.vmShow, { params: { name: vm.name } }).catch(() => undefined);
    if (now !== undefined) context.output.note(leftBehind(now));
  }
}

/** Holds the lease while we are in; deletes the VM at the end, whatever the end. */
async function untilDeleted({ context, client, vm, work }: Inside): Promise<number> {
  await using lease = holdLease({ context, client, vmName: vm.name });
  let failure: BangerError | undefined;
  let status: number;
  try {
    status = await work();
  } finally {
    failure = await deleteVm(context, vm.name);
    if (failure !== undefined) context.output.error(failure);
    await lease[Symbol.asyncDispose]();
  }
  return status === EXIT.ok && failure !== undefined ? EXIT.aroundGuest : status;
}

async function deleteVm(context: CliContext, name: string): Promise<BangerError | undefined> {
  try {
    const client = await context.connect();
    await client.progress(routes.vmDelete, { params: { name } });
    return undefined;
  } catch (error) {
    if (!(error instanceof BangerError)) throw error;
    return error.code === "vm.not_found" ? undefined : error;
  }
}
