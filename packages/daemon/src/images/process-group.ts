// The processes of a program and all that it started, which have its number as their group.
import { readdir, readFile, readlink } from "node:fs/promises";

/** Signals every process of the group; false when there is none. */
export function signalGroup(leader: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(-leader, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}

/** Numbers of a group's processes, without those that have ended and wait to be reaped. See proc(5). */
export async function processesOf(group: number): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const members = await Promise.all(pids.map(async (pid) => isMember(await ifReadable(readFile(`/proc/${pid}/stat`, "latin1")), group)));
  return pids.filter((_pid, index) => members[index]);
}

/** Whether a process was started for what is done in `directory`: its environment names it, or it works or has its root there. */
export async function belongsTo(pid: number, directory: string): Promise<boolean> {
  const traces = await Promise.all([
    ifReadable(readFile(`/proc/${pid}/environ`, "utf8")),
    ifReadable(readlink(`/proc/${pid}/cwd`)),
    ifReadable(readlink(`/proc/${pid}/root`)),
  ]);
  return traces.some((trace) => trace.includes(`${directory}/`));
}

function isMember(stat: string, group: number): boolean {
  // The command name may hold spaces and parentheses; fields are counted from the last ')'.
  const [state, , processGroup] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return processGroup === String(group) && state !== "Z";
}

/** Nothing of a process that has gone, also while it is being read, and of one that is closed to us. */
async function ifReadable(reading: Promise<string>): Promise<string> {
  return reading.catch((error: NodeJS.ErrnoException) => {
    if (["ENOENT", "ESRCH", "EACCES", "EPERM"].includes(error.code ?? "")) return "";
    throw error;
  });
}
