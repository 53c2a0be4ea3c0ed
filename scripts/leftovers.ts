// Finds and ends what banger left running when its daemon cannot do it any more. Nothing here trusts state.db: processes are
// told by what banger puts into their arguments, directories by the records made before them.
import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import { basename, join } from "node:path";
import { identifyProcess, isProcessAlive, poll, signalProcess, type ProcessIdentity, type RunAs } from "@banger/host";
import type { Paths } from "@banger/api";
import { removeLeftBuilds } from "../packages/daemon/src/images/scratch.ts";
import { endProcesses, findMarked, markerOf } from "../packages/daemon/src/network/detached.ts";
import { findVmUser } from "../packages/daemon/src/vm-user.ts";

export interface Owner {
  readonly uid: number;
  /** Who runs a root daemon's VMs and builds. */
  readonly runAs: RunAs | null;
}

export async function ownerOf(uid: number): Promise<Owner> {
  const { required } = await findVmUser({ uid, home: "/" });
  // Without the user there is nothing that runs as it.
  return { uid, runAs: await required().catch(() => null) };
}

/** Not a symlink, and nobody else's: only then is what lies below it taken for banger's. */
export async function isOwnDirectory(path: string, { uid }: Owner): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  return found !== undefined && found.isDirectory() && found.uid === uid;
}

/** Ends daemon, VMs, network and image builds of one state, whether or not its daemon answers. */
export async function endState(paths: Paths, owner: Owner, say: (line: string) => void): Promise<void> {
  const daemon = await findDaemon(paths, owner);
  if (daemon !== undefined) await endDaemon(daemon);
  await endLeftovers(paths, owner, say);
}

/** The daemon that holds the lock of this data directory, if one does. */
export async function findDaemon(paths: Paths, owner: Owner): Promise<ProcessIdentity | undefined> {
  return findHolder(join(paths.dataDir, "lock.db"), owner);
}

/** A process that has the file open. */
export async function findHolder(file: string, owner: Owner): Promise<ProcessIdentity | undefined> {
  for (const pid of await pidsOf([owner.uid])) {
    if ((await openFiles(pid)).includes(file)) return identifyProcess(pid);
  }
  return undefined;
}

/** Ends every banger and bangerd whose BANGER_HOME is this directory or lies below it. */
export async function endPrograms(home: string, owner: Owner): Promise<void> {
  const programs = await Promise.all((await pidsOf([owner.uid])).map((pid) => programBelow(home, pid)));
  const found = programs.filter((program) => program !== undefined);
  // A command whose daemon goes away would start another one.
  await endProcesses(found.filter(({ isDaemon }) => !isDaemon).map(({ identity }) => identity));
  for (const { identity } of found.filter(({ isDaemon }) => isDaemon)) await endDaemon(identity);
  if (found.length > 0) await endPrograms(home, owner);
}

async function programBelow(home: string, pid: number) {
  const bundle = (await argumentsOf(pid)).map((arg) => basename(arg)).find((name) => name === "banger.cjs" || name === "bangerd.cjs");
  if (bundle === undefined) return undefined;
  const own = (await textOf(`/proc/${pid}/environ`)).split("\0").find((entry) => entry.startsWith("BANGER_HOME="));
  if (own === undefined || !`${own.slice("BANGER_HOME=".length)}/`.startsWith(`${home}/`)) return undefined;
  const identity = identifyProcess(pid);
  return identity === undefined ? undefined : { identity, isDaemon: bundle === "bangerd.cjs" };
}

/** SIGTERM, and SIGKILL for one that has not left after 10 s. */
export async function endDaemon(daemon: ProcessIdentity): Promise<void> {
  signalProcess(daemon, "SIGTERM");
  const left = await poll(() => (isProcessAlive(daemon) ? undefined : true), { timeoutMs: 10_000 });
  if (left === undefined) await endProcesses([daemon]);
}

/** The jails of VMs below this data directory and what runs in them, innermost first. */
export async function findJails(paths: Paths, owner: Owner): Promise<readonly ProcessIdentity[]> {
  const uids = uidsOf(owner);
  const prefix = `${paths.vmsDir}/`;
  const vmIds = await namesIn(paths.vmsDir);
  const found: number[] = [];
  for (const pid of await pidsOf(uids)) {
    const [program = "", ...args] = await argumentsOf(pid);
    const isJail = basename(program) === "bwrap" && args.some((arg) => arg.startsWith(prefix));
    // A VMM whose jail was killed before it: inside the jail its paths are constants, but it is told the VM's id.
    const isOrphan = /^(qemu-system-|firecracker)/.test(basename(program)) && args.some((arg) => vmIds.includes(arg));
    if (isJail) found.push(...(await childrenOf(pid)), pid);
    else if (isOrphan) found.push(pid);
  }
  return [...new Set(found)].map(identifyProcess).filter((identity) => identity !== undefined);
}

/** Ends jails, network anchor, pasta and image builds, and removes what builds have outside of banger's directories. */
export async function endLeftovers(paths: Paths, owner: Owner, say: (line: string) => void): Promise<void> {
  const jails = await findJails(paths, owner);
  if (jails.length > 0) say(`ending ${jails.length} processes of VMs`);
  await endProcesses(jails);
  const network = (await Promise.all(uidsOf(owner).map((uid) => findMarked(markerOf(paths.dataDir), uid)))).flat();
  if (network.length > 0) say(`ending ${network.length} processes of the network`);
  await endProcesses(network);
  const host = { runAs: owner.runAs, env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" }, scratchRoot: "/var/tmp" };
  for (const buildsDir of await buildRecordsBelow(paths)) await removeLeftBuilds(buildsDir, host, fail);
}

/** Their records are about to go, by which alone they can be found again. */
function fail(_what: string, error: unknown): never {
  throw error;
}

function uidsOf({ uid, runAs }: Owner): readonly number[] {
  return runAs === null ? [uid] : [uid, runAs.uid];
}

/** Directories that hold the records of image builds. */
async function buildRecordsBelow(paths: Paths): Promise<readonly string[]> {
  const candidates = [paths.dataDir, paths.imagesDir, paths.cacheDir].map((directory) => join(directory, "builds"));
  const present = await Promise.all(candidates.map(async (directory) => ((await namesIn(directory)).length > 0 ? directory : undefined)));
  return present.filter((directory) => directory !== undefined);
}

async function pidsOf(uids: readonly number[]): Promise<readonly number[]> {
  const pids = (await namesIn("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const owned = await Promise.all(
    pids.map(async (pid) => {
      const uid = /^Uid:\t(\d+)/m.exec(await textOf(`/proc/${pid}/status`))?.[1];
      return pid !== process.pid && uid !== undefined && uids.includes(Number(uid)) ? pid : undefined;
    }),
  );
  return owned.filter((pid) => pid !== undefined);
}

async function argumentsOf(pid: number): Promise<readonly string[]> {
  return (await textOf(`/proc/${pid}/cmdline`)).split("\0");
}

async function childrenOf(pid: number): Promise<readonly number[]> {
  return (await textOf(`/proc/${pid}/task/${pid}/children`)).split(" ").filter(Boolean).map(Number);
}

async function openFiles(pid: number): Promise<readonly string[]> {
  const descriptors = await namesIn(`/proc/${pid}/fd`);
  return Promise.all(descriptors.map((fd) => ifThere(readlink(`/proc/${pid}/fd/${fd}`), "")));
}

async function namesIn(directory: string): Promise<readonly string[]> {
  return ifThere(readdir(directory), []);
}

async function textOf(path: string): Promise<string> {
  return ifThere(readFile(path, "utf8"), "");
}

/** Processes and their files come and go while they are looked at; another user's are closed to us. */
async function ifThere<T>(answer: Promise<T>, otherwise: T): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    if (["ENOENT", "ENOTDIR", "ESRCH", "EACCES", "EPERM"].includes(code)) return otherwise;
    throw error;
  }
}
