// Runs ssh into a VM, its sshd reached through the daemon, and answers the session's status.
import { accessSync, constants } from "node:fs";
import { access, mkdir, mkdtemp, rmdir, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { addAbortSignal, type Duplex } from "node:stream";
import { BangerError, programMissing, routes, type Client, type Vm } from "@banger/api";
import type { CliContext } from "../context.ts";
import { writingTo } from "../daemon/not-writable.ts";
import { ensureSshKey } from "../daemon/ssh-key.ts";
import type { CliDeps } from "../deps.ts";
import { signalStatus } from "../exit-codes.ts";
import { inForeground } from "../foreground.ts";
import { openBridge } from "./bridge.ts";
import { knownHostsLine, sshArgv, type SshTarget } from "./argv.ts";

/** Looks for ssh before anything is made or waited for. Throws `host.command_missing`. */
export function requireSsh({ env }: CliDeps): void {
  for (const directory of (env["PATH"] ?? "/usr/bin:/bin").split(":")) {
    try {
      return accessSync(join(directory, "ssh"), constants.X_OK);
    } catch {
      // Not there, or not for us: the next one may have it.
    }
  }
  throw programMissing("ssh");
}

export interface SshRequest {
  readonly context: CliContext;
  readonly client: Client;
  readonly vm: Pick<Vm, "id" | "name" | "sshHostKey" | "accelerator">;
  readonly command: readonly string[];
  readonly tty: SshTarget["tty"];
}

/** What ssh exits with when it fails itself. */
const SSH_FAILED = 255;

/** Throws `guest.unreachable` when ssh did not get in, `host.command_missing` without ssh. */
export async function sshInto({ context, client, vm, command, tty }: SshRequest): Promise<number> {
  // sshd begins to answer while ssh is being started.
  using sshd = dialSshd(client, vm.name);
  const key = await ensureSshKey(context.deps, context.paths);
  await using files = await sessionFiles(context, vm);
  await using bridge = await openBridge(context.deps, files.directory);
  bridge.carry(sshd.stream);
  const target = { vmId: vm.id, vmName: vm.name, isEmulated: vm.accelerator === "tcg", keyPath: key.path, proxy: bridge.proxy };
  const status = await runSsh(context.deps, sshArgv({ ...files, ...target, tty, command }));
  if (status === SSH_FAILED && !(await exists(files.markerFile))) {
    throw new BangerError("guest.unreachable", `ssh did not get into ${vm.name}`, {
      hint: `banger vm logs ${vm.name}, or banger vm exec ${vm.name} -- bash -l`,
    });
  }
  return status;
}

interface Dialled extends Disposable {
  readonly stream: Promise<Duplex>;
}

/** A connection to the guest's sshd under way; hung up on when it is disposed. */
function dialSshd(client: Client, vmName: string): Dialled {
  const hangUp = new AbortController();
  const query = { network: "tcp", address: "127.0.0.1:22" } as const;
  const stream = client.upgrade(routes.vmDial, { params: { name: vmName }, query }, { signal: hangUp.signal });
  stream.then((open) => addAbortSignal(hangUp.signal, open.on("error", ignore)), ignore);
  return { stream, [Symbol.dispose]: () => hangUp.abort() };
}

interface SessionFiles extends AsyncDisposable {
  readonly directory: string;
  readonly knownHostsFile: string;
  readonly markerFile: string;
}

async function sessionFiles({ paths }: CliContext, vm: SshRequest["vm"]): Promise<SessionFiles> {
  const parent = join(paths.stateDir, "ssh");
  const directory = await writingTo(parent, async () => {
    await mkdir(parent, { recursive: true, mode: 0o700 });
    return await mkdtemp(join(parent, "session-"));
  });
  const knownHostsFile = join(directory, "known_hosts");
  const markerFile = join(directory, "connected");
  const remove = async () => {
    for (const file of [knownHostsFile, markerFile]) if (await exists(file)) await unlink(file);
    await rmdir(directory);
  };
  try {
    await writingTo(parent, () => writeFile(knownHostsFile, knownHostsLine(vm.id, vm.sshHostKey), { mode: 0o600 }));
  } catch (error) {
    await remove();
    throw error;
  }
  return { directory, knownHostsFile, markerFile, [Symbol.asyncDispose]: remove };
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

async function runSsh(deps: CliDeps, args: readonly string[]): Promise<number> {
  const child = deps.childProcess.spawn("ssh", args, { stdio: "inherit", env: deps.env });
  const ended = new Promise<number>((resolve, reject) => {
    child.once("error", (cause: NodeJS.ErrnoException) => {
      reject(cause.code === "ENOENT" ? programMissing("ssh", cause) : cause);
    });
    child.once("exit", (status, signal) => resolve(signal === null ? (status ?? SSH_FAILED) : signalStatus(signal)));
  });
  return await inForeground(deps, child, () => ended);
}

function ignore(): void {}
