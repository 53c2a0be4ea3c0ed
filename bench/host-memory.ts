// Memory of processes on the host, as the kernel accounts for it: a page shared by several counts for each in part (PSS).
import { readFile } from "node:fs/promises";

export const MB = 1e6;

/** Bytes of all mappings of a process. */
export async function pssOf(pid: number): Promise<number> {
  return sumOf(await readFile(`/proc/${pid}/smaps_rollup`, "utf8"));
}

/** Bytes of the mappings of `size` bytes, at least one: a VMM maps its guest's memory as one. */
export async function pssOfSize(pid: number, size: number): Promise<number> {
  return pssOfMappings(await readFile(`/proc/${pid}/smaps`, "utf8"), size);
}

/** The kernel takes neighbours for one mapping: Firecracker's memory of its guest for one with a thread's heap. */
const NEIGHBOUR = 1024 ** 2;

/** `text` of smaps; see proc_pid_smaps(5). Throws where none is of that size: its bytes would count as the VMM's. */
export function pssOfMappings(text: string, size: number): number {
  const mappings = text.split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m);
  const wanted = mappings.filter((mapping) => {
    const more = Number(/^Size: +(\d+) kB$/m.exec(mapping)?.[1]) * 1024 - size;
    return more >= 0 && more < NEIGHBOUR;
  });
  if (wanted.length === 0) throw new Error(`no mapping has the ${size} bytes of the guest's memory`);
  return wanted.map(sumOf).reduce((left, right) => left + right, 0);
}

function sumOf(text: string): number {
  return Number(/^Pss: +(\d+) kB$/m.exec(text)?.[1] ?? 0) * 1024;
}
