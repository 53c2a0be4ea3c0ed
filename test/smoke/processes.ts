// Processes of this machine as /proc has them: what a VM leaves behind is seen here, whatever banger says of it.
import { readdir, readFile, readlink } from "node:fs/promises";

/** Command line of a process, its words joined by NUL; empty when there is no such process, or it has ended. */
export async function commandLine(pid: number): Promise<string> {
  return await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
}

/** A process that has ended but was not waited for is gone. */
export async function isAlive(pid: number): Promise<boolean> {
  return (await commandLine(pid)) !== "";
}

/** Pids of the processes whose command line has `text` in it. */
export async function processesNaming(text: string): Promise<number[]> {
  const pids = await allPids();
  const lines = await Promise.all(pids.map(commandLine));
  return pids.filter((_, index) => lines[index]?.includes(text) === true);
}

/** Pids of the processes in a network namespace, as `networkNamespace` names it. */
export async function processesIn(namespace: string): Promise<number[]> {
  const pids = await allPids();
  const namespaces = await Promise.all(pids.map(networkNamespace));
  return pids.filter((_, index) => namespaces[index] === namespace);
}

/** `net:[INODE]`; empty when there is no such process. */
export async function networkNamespace(pid: number): Promise<string> {
  return await readlink(`/proc/${pid}/ns/net`).catch(() => "");
}

async function allPids(): Promise<number[]> {
  return (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry)).map(Number);
}
