// A VM's directory: its data disk, its sockets, its logs. A root daemon keeps the directory itself and gives the user who
// runs the VMM just the disks and run/, so that nothing can be planted where root writes.
//   data.ext4    the data disk, sparse
//   bulk.raw     what is large on its way into the guest, where the driver's channel is slow
//   run/         the jail's one writable directory: sockets
//   console.log  the guest's serial console
//   vmm.log      the VMM's own words
//   agent.log    the agent's own log, written by the daemon
import { chmod, chown, mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import { MIB } from "@banger/api";
import { asUser, diskFullError, isDiskFull, removeTree, run, type RunAs } from "@banger/host";

export interface VmDirectory {
  readonly vmsDir: string;
  readonly runAs: RunAs | null;
}

export function vmDir(where: VmDirectory, vmId: string): string {
  return join(where.vmsDir, vmId);
}

export function dataDisk(where: VmDirectory, vmId: string): string {
  return join(vmDir(where, vmId), "data.ext4");
}

/** Makes the directory and an empty data disk of `diskBytes`; what an interrupted making left is replaced. Throws `host.disk_full`. */
export async function makeVmDirectory(where: VmDirectory, vmId: string, diskBytes: number): Promise<void> {
  const directory = vmDir(where, vmId);
  await removeTree(directory, where.vmsDir);
  try {
    await mkdir(directory, { mode: 0o700 });
    if (where.runAs !== null) await chmod(directory, 0o711);
    const sockets = join(directory, "run");
    await mkdir(sockets, { mode: 0o700 });
    if (where.runAs !== null) await chown(sockets, where.runAs.uid, where.runAs.gid);
    await makeDataDisk(where, vmId, diskBytes);
  } catch (error) {
    await removeTree(directory, where.vmsDir);
    throw isDiskFull(error) ? diskFullError(where.vmsDir, error) : error;
  }
}

export async function removeVmDirectory(where: VmDirectory, vmId: string): Promise<void> {
  await removeTree(vmDir(where, vmId), where.vmsDir);
}

async function makeDataDisk(where: VmDirectory, vmId: string, bytes: number): Promise<void> {
  const path = dataDisk(where, vmId);
  const file = await open(path, "wx", 0o600);
  try {
    await file.truncate(bytes);
    if (where.runAs !== null) await file.chown(where.runAs.uid, where.runAs.gid);
  } finally {
    await file.close();
  }
  // A small journal and lazy tables keep the empty disk at a few MiB on the host.
  const journalMib = bytes >= 512 * MIB ? 32 : 4;
  const options = [
    "-q",
    "-F",
    "-m",
    "0",
    // Room for nanoseconds: by the stamps of files it is told which ones have changed.
    "-I",
    "256",
    "-E",
    "nodiscard,lazy_itable_init=1",
    "-J",
    `size=${journalMib}`,
    "-O",
    "fast_commit,metadata_csum",
  ];
  await run(asUser(["mkfs.ext4", ...options, path], where.runAs));
}
