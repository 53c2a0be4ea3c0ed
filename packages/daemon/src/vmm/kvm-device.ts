// The device node of KVM: who may open it, and the group that a VMM is lent for that.
import { readFile, stat } from "node:fs/promises";
import type { RunAs } from "@banger/host";

/** What stat(2) says of a device node. */
export interface DeviceNode {
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Name of its group; its number where it has none. */
  readonly group: string;
}

/** Who opens it: a user with all groups that its VMMs have. */
export interface Opener {
  readonly name: string;
  readonly uid: number;
  readonly gids: readonly number[];
}

export interface KvmObstacle {
  readonly reason: string;
  /** The command that mends it, where one does. */
  readonly fix?: string;
}

/** /dev/kvm of this host; undefined when it has none. */
export async function kvmNode(): Promise<DeviceNode | undefined> {
  const node = await stat("/dev/kvm").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  return node && { mode: node.mode, uid: node.uid, gid: node.gid, group: await groupName(node.gid) };
}

/** `runAs` with the group to which the node is open (distributions make it `kvm`, mode 0660), where not everybody may open it. */
export function withKvmGroup(runAs: RunAs, node: DeviceNode | undefined): RunAs {
  return node !== undefined && !isOpenTo(node, 0) && opensToGroup(node) ? { ...runAs, groups: [node.gid] } : runAs;
}

/** Why `opener` cannot use KVM, as far as the device node tells; undefined: it can be tried. */
export function kvmObstacle(node: DeviceNode | undefined, opener: Opener): KvmObstacle | undefined {
  if (node === undefined) return { reason: "there is no /dev/kvm (no virtualisation in this CPU or VM, or the kvm module is not loaded)" };
  if (opener.uid === 0) return undefined;
  const shift = node.uid === opener.uid ? 6 : opener.gids.includes(node.gid) ? 3 : 0;
  if (isOpenTo(node, shift)) return undefined;
  const mode = (node.mode & 0o777).toString(8).padStart(4, "0");
  return {
    reason: `/dev/kvm is not open to ${opener.name} (mode ${mode}, user ${node.uid}, group ${node.group})`,
    fix: opensToGroup(node) ? joinGroup(node.group, opener.name) : "sudo chmod 666 /dev/kvm (until the next boot)",
  };
}

/** Whether the permission bits at `shift` (6 owner, 3 group, 0 others) allow reading and writing. */
function isOpenTo(node: DeviceNode, shift: 0 | 3 | 6): boolean {
  return ((node.mode >> shift) & 0o6) === 0o6;
}

/** Root's group is no way in: it opens far more than this device. */
function opensToGroup(node: DeviceNode): boolean {
  return node.gid !== 0 && isOpenTo(node, 3);
}

function joinGroup(group: string, user: string): string {
  return `sudo usermod -aG ${group} ${user}, log in again, then: banger daemon stop`;
}

async function groupName(gid: number): Promise<string> {
  const groups = await readFile("/etc/group", "utf8").catch(() => "");
  const line = groups.split("\n").find((candidate) => candidate.split(":")[2] === String(gid));
  return line?.split(":")[0] ?? String(gid);
}
