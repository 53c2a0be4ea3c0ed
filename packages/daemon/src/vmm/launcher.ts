// Starts a jail so that it outlives the daemon, and finds one again. Own session, cwd /, stdio to append-only files and no
// pipe to anybody: nothing that happens to the daemon reaches the VMM.
import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, fstatSync, readFileSync } from "node:fs";
import { BangerError } from "@banger/api";
import { identifyProcess, isProcessAlive, poll, signalProcess, type ProcessIdentity } from "@banger/host";
import { parseJailStatus, type JailStatus } from "./jail-status.ts";
import { lastWords } from "./last-words.ts";
import { openLog, readTail, vmFiles } from "./vm-directory.ts";

/** The descriptor on which the jail finds its status file. */
export const STATUS_FD = 3;
/** Milliseconds for the jail to report its pid, on a host that is busy. */
const JAIL_UP_MS = 20_000;
const JAIL_DOWN_MS = 5000;

export interface LaunchSpec {
  readonly vmDir: string;
  /** The planned jail; its status descriptor is STATUS_FD. */
  readonly argv: readonly string[];
  readonly searchPath: string;
  readonly signal: AbortSignal;
}

export interface Launched {
  readonly jail: ProcessIdentity;
  readonly vmm: ProcessIdentity;
  /** The end of what VMM and jail have said since this start. */
  lastWords(): string;
}

/** Launches the jail and answers once it has reported its VMM's pid. Throws `vmm.failed` with the jail's words; leaves nothing. */
export async function launch(spec: LaunchSpec): Promise<Launched> {
  const files = vmFiles(spec.vmDir);
  const { child, logStart } = spawnDetached(spec);
  const words = () => lastWords(readTail(files.vmmLog, logStart));
  const failure = new Promise<never>((_, reject) => child.once("error", reject));
  failure.catch(() => undefined);
  const jail = child.pid === undefined ? undefined : identifyProcess(child.pid);
  try {
    if (child.pid === undefined) await failure;
    if (jail === undefined) throw new Error("it ended at once");
    const vmm = await Promise.race([failure, untilUp(spec, jail)]);
    child.unref();
    return { jail, vmm, lastWords: words };
  } catch (error) {
    if (jail !== undefined) await endStartingJail(jail, files.jailStatus);
    spec.signal.throwIfAborted();
    throw new BangerError("vmm.failed", `the VMM's jail did not start: ${words() || String(error)}`, { cause: error });
  }
}

/**
 * The live processes that were started for `vmId` in `vmDir`, by whichever daemon; undefined when there are none. A pid in a
 * file may long be another's: only a process whose arguments name the VM counts.
 */
export function findLaunched(vmDir: string, vmId: string): { readonly vmm: ProcessIdentity; readonly jail: ProcessIdentity } | undefined {
  const { childPid } = readJailStatus(vmFiles(vmDir).jailStatus);
  const vmm = childPid === undefined ? undefined : identifyProcess(childPid);
  if (vmm === undefined || !argumentsOf(vmm.pid).includes(vmId)) return undefined;
  const parent = parentOf(vmm.pid);
  const jail = parent === undefined || !argumentsOf(parent).includes(vmId) ? undefined : identifyProcess(parent);
  return { vmm, jail: jail ?? vmm };
}

export function readJailStatus(path: string): JailStatus {
  return parseJailStatus(readTail(path, 0, 16_384));
}

/** Kills the VMM and sees that its jail has gone too. The VMM goes first: a jail killed before it would leave it an orphan. */
export async function killJail(processes: { readonly vmm: ProcessIdentity; readonly jail: ProcessIdentity }): Promise<void> {
  signalProcess(processes.vmm, "SIGKILL");
  if (await untilGone([processes.vmm, processes.jail], JAIL_DOWN_MS)) return;
  signalProcess(processes.jail, "SIGKILL");
  if (await untilGone([processes.vmm, processes.jail], JAIL_DOWN_MS)) return;
  throw new BangerError("vmm.failed", `process ${processes.vmm.pid} does not end, even by SIGKILL`);
}

/** Whether all are gone before the deadline. */
export async function untilGone(processes: readonly ProcessIdentity[], timeoutMs: number): Promise<boolean> {
  const gone = await poll(() => (processes.some(isProcessAlive) ? undefined : true), { timeoutMs, intervalMs: 5 });
  return gone === true;
}

function spawnDetached(spec: LaunchSpec): { readonly child: ChildProcess; readonly logStart: number } {
  const files = vmFiles(spec.vmDir);
  const [program, ...args] = spec.argv;
  if (program === undefined) throw new Error("a jail needs a program");
  using descriptors = new DisposableStack();
  const [console, log, status] = [
    descriptors.adopt(openLog(files.console, null), closeSync),
    descriptors.adopt(openLog(files.vmmLog, null), closeSync),
    descriptors.adopt(openLog(files.jailStatus, null, true), closeSync),
  ];
  const logStart = fstatSync(log).size;
  // What VMM and jail create is for nobody else. The mask is the process's own, and this block does not yield.
  const mask = process.umask(0o077);
  try {
    const child = spawn(program, args, {
      detached: true,
      cwd: "/",
      env: { PATH: spec.searchPath },
      stdio: ["ignore", console, log, status],
    });
    return { child, logStart };
  } finally {
    process.umask(mask);
  }
}

async function untilUp(spec: LaunchSpec, jail: ProcessIdentity): Promise<ProcessIdentity> {
  const path = vmFiles(spec.vmDir).jailStatus;
  const vmm = await poll(
    () => {
      // Liveness is read first: what a process wrote before it ended is then certainly in the file.
      const isAlive = isProcessAlive(jail);
      const { childPid } = readJailStatus(path);
      const found = childPid === undefined ? undefined : identifyProcess(childPid);
      if (found !== undefined) return found;
      if (!isAlive) throw new Error("it ended at once");
      return undefined;
    },
    { timeoutMs: JAIL_UP_MS, intervalMs: 2, signal: spec.signal },
  );
  if (vmm === undefined) throw new Error(`no pid was reported within ${JAIL_UP_MS} ms`);
  return vmm;
}

/** Ends a jail whose VMM's pid may not be known yet: whatever the outer process has forked goes first. */
async function endStartingJail(jail: ProcessIdentity, statusPath: string): Promise<void> {
  await poll(
    () => {
      if (!isProcessAlive(jail)) return true;
      const { childPid } = readJailStatus(statusPath);
      const pids = childPid === undefined ? childrenOf(jail.pid) : [childPid];
      for (const child of pids.map(identifyProcess)) if (child !== undefined) signalProcess(child, "SIGKILL");
      return undefined;
    },
    { timeoutMs: JAIL_DOWN_MS, intervalMs: 5 },
  );
  signalProcess(jail, "SIGKILL");
  await untilGone([jail], JAIL_DOWN_MS);
}

function childrenOf(pid: number): readonly number[] {
  return readProc(`/proc/${pid}/task/${pid}/children`).split(" ").filter(Boolean).map(Number);
}

function parentOf(pid: number): number | undefined {
  const parent = /^PPid:\s+(\d+)$/m.exec(readProc(`/proc/${pid}/status`))?.[1];
  return parent === undefined ? undefined : Number(parent);
}

function argumentsOf(pid: number): readonly string[] {
  return readProc(`/proc/${pid}/cmdline`).split("\0");
}

function readProc(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ESRCH") return "";
    throw error;
  }
}
