// The files the driver keeps in a VM's directory, made so that neither a planted symlink nor a left-over of an earlier run is
// ever followed or mixed in. Of the directory the VMM itself sees `run/` and its disks.
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  ftruncateSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
} from "node:fs";
import { join } from "node:path";
import { BangerError } from "@banger/api";
import { removeTree, type RunAs } from "@banger/host";

export interface VmFiles {
  readonly run: string;
  /** The guest's console, append-only over all its boots. */
  readonly console: string;
  /** What the VMM and its jail say, append-only. */
  readonly vmmLog: string;
  /** bubblewrap's report on the latest run. */
  readonly jailStatus: string;
  /** Behind the guest's bulk disk, where the driver gives it one. */
  readonly bulkDisk: string;
  /** What was started, written before it is. */
  readonly launchNote: string;
}

export function vmFiles(vmDir: string): VmFiles {
  return {
    run: join(vmDir, "run"),
    console: join(vmDir, "console.log"),
    vmmLog: join(vmDir, "vmm.log"),
    jailStatus: join(vmDir, "jail-status.json"),
    bulkDisk: join(vmDir, "bulk.raw"),
    launchNote: join(vmDir, "launch.json"),
  };
}

/** Makes `run/` (0700, the VMM user's) and removes the sockets of an earlier run, which a VMM would refuse to bind over. */
export async function prepareRunDirectory(vmDir: string, owner: RunAs | null, sockets: readonly string[]): Promise<void> {
  const { run } = vmFiles(vmDir);
  try {
    mkdirSync(run, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    if (!lstatSync(run).isDirectory()) throw new BangerError("vmm.failed", `${run} is not a directory`);
  }
  if (owner !== null) lchownSync(run, owner.uid, owner.gid);
  await removeSockets(vmDir, sockets);
}

/** Removes what has the names of `sockets` in `run/`: a socket, or whatever a VMM that was taken over made there. It must be dead. */
export async function removeSockets(vmDir: string, sockets: readonly string[]): Promise<void> {
  const { run } = vmFiles(vmDir);
  for (const socket of sockets) await removeTree(join(run, socket), run);
}

/** An append-only log for a VMM's stdio, mode 0600, empty at first when `fresh`. The caller closes it. */
export function openLog(path: string, owner: RunAs | null, fresh = false): number {
  const descriptor = openSync(
    path,
    constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW | constants.O_NONBLOCK,
    0o600,
  );
  try {
    requireFile(descriptor, path);
    fchmodSync(descriptor, 0o600);
    if (owner !== null) fchownSync(descriptor, owner.uid, owner.gid);
    if (fresh) ftruncateSync(descriptor);
    return descriptor;
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

/** A disk of `bytes` that holds nothing, in place of what was there. */
export function makeDisk(path: string, bytes: number, owner: RunAs | null): void {
  const descriptor = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK, 0o600);
  try {
    requireFile(descriptor, path);
    if (owner !== null) fchownSync(descriptor, owner.uid, owner.gid);
    ftruncateSync(descriptor);
    ftruncateSync(descriptor, bytes);
  } finally {
    closeSync(descriptor);
  }
}

/** Hands a writable disk to the user whose VMM opens it. */
export function giveFile(path: string, owner: RunAs | null): void {
  if (owner === null) return;
  const descriptor = openDisk(path);
  try {
    requireFile(descriptor, path);
    const { uid, gid } = fstatSync(descriptor);
    if (uid !== owner.uid || gid !== owner.gid) fchownSync(descriptor, owner.uid, owner.gid);
  } finally {
    closeSync(descriptor);
  }
}

/** At most `limit` bytes from the end of a log, not from before `start`; empty when it is not there. */
export function readTail(path: string, start = 0, limit = 4096): string {
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
  try {
    const { size } = fstatSync(descriptor);
    // A log cut by the daemon's cap is shorter than where this run began.
    const from = Math.max(start > size ? 0 : start, size - limit);
    const buffer = Buffer.alloc(size - from);
    return buffer.toString("utf8", 0, readSync(descriptor, buffer, 0, buffer.length, from));
  } finally {
    closeSync(descriptor);
  }
}

function openDisk(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    throw new BangerError("vmm.failed", `the disk ${path} cannot be opened: ${String(error)}`, { cause: error });
  }
}

function requireFile(descriptor: number, path: string): void {
  if (!fstatSync(descriptor).isFile()) throw new BangerError("vmm.failed", `${path} is not a regular file`);
}
