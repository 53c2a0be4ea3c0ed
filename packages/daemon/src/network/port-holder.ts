// Who listens on a TCP port, for an error message: from /proc, so only processes this user may look into are found.
import { readdir, readFile, readlink } from "node:fs/promises";

export interface PortHolder {
  /** Such as `node (process 4711)`. */
  readonly holder: string;
  readonly pid: number;
}

export async function findPortHolder(address: string, port: number): Promise<PortHolder | undefined> {
  const tables = await Promise.all([quietly(readFile("/proc/net/tcp", "utf8")), quietly(readFile("/proc/net/tcp6", "utf8"))]);
  const inodes = new Set(tables.flatMap((table) => listeningInodes(table ?? "", address, port)));
  if (inodes.size === 0) return undefined;
  const pids = ((await quietly(readdir("/proc"))) ?? []).filter((name) => /^\d+$/.test(name));
  for (const pid of pids) {
    if (!(await holdsSocket(pid, inodes))) continue;
    const name = ((await quietly(readFile(`/proc/${pid}/comm`, "utf8"))) ?? "").trim();
    return { holder: `${name === "" ? "a process" : name} (process ${pid})`, pid: Number(pid) };
  }
  return undefined;
}

/** Inodes of the listening sockets of a /proc/net/tcp or tcp6 that stand in the way of `address:port`. */
export function listeningInodes(table: string, address: string, port: number): readonly string[] {
  // Four bytes in the machine's order, so 127.0.0.1 reads 0100007F; in tcp6 they are the last of sixteen, or all are zero.
  const wanted = address
    .split(".")
    .map((part) => Number(part).toString(16).padStart(2, "0").toUpperCase())
    .toReversed()
    .join("");
  const suffix = `:${port.toString(16).padStart(4, "0").toUpperCase()}`;
  return table
    .split("\n")
    .slice(1)
    .flatMap((line) => {
      const [, local = "", , state, , , , , , inode = ""] = line.trim().split(/\s+/);
      const host = local.slice(0, -suffix.length);
      const isThere = wanted === "00000000" || /^0+$/.test(host) || host.endsWith(wanted);
      return state === "0A" && local.endsWith(suffix) && isThere ? [inode] : [];
    });
}

async function holdsSocket(pid: string, inodes: ReadonlySet<string>): Promise<boolean> {
  const descriptors = (await quietly(readdir(`/proc/${pid}/fd`))) ?? [];
  for (const descriptor of descriptors) {
    const target = await quietly(readlink(`/proc/${pid}/fd/${descriptor}`));
    const inode = /^socket:\[(\d+)\]$/.exec(target ?? "")?.[1];
    if (inode !== undefined && inodes.has(inode)) return true;
  }
  return false;
}

// Processes come and go while we look, and others' are closed to us.
async function quietly<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "EACCES" || code === "ESRCH" || code === "EPERM") return undefined;
    throw error;
  }
}
