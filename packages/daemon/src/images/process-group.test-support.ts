// For tests: who is in a process group.
import { readdir, readFile } from "node:fs/promises";
import { unlessMissing } from "./missing.ts";

/** Lines of /proc/PID/stat of a group's processes, without those that have ended and wait to be reaped. See proc(5). */
export async function processesOf(group: number): Promise<string[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const stats = await Promise.all(pids.map(async (pid) => (await readStat(pid)) ?? ""));
  return stats.filter((line) => {
    const [state, , processGroup] = line.slice(line.lastIndexOf(")") + 2).split(" ");
    return processGroup === String(group) && state !== "Z";
  });
}

/** Undefined for a process that has gone, also while it is being read. */
async function readStat(pid: string): Promise<string | undefined> {
  return unlessMissing(readFile(`/proc/${pid}/stat`, "utf8")).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ESRCH") return undefined;
    throw error;
  });
}
