// What this host has to give, as far as this process may use it: CPU affinity and cgroup limits count.
import { statfs } from "node:fs/promises";
import { availableParallelism, freemem, totalmem } from "node:os";
import type { HostResources } from "./contract.ts";

/** `directory` is on the file system that holds the VMs; the nearest parent that exists is asked. */
export async function readHostResources(directory: string): Promise<HostResources> {
  const limit = process.constrainedMemory();
  const total = totalmem();
  const disk = await readDisk(directory);
  return {
    cpus: availableParallelism(),
    memoryTotalBytes: limit > 0 ? Math.min(limit, total) : total,
    memoryAvailableBytes: Math.min(process.availableMemory(), freemem()),
    ...(disk === undefined ? {} : { disk }),
  };
}

async function readDisk(directory: string): Promise<HostResources["disk"]> {
  for (let path = directory; ; path = path.slice(0, path.lastIndexOf("/"))) {
    try {
      const { bsize, blocks, bavail } = await statfs(path === "" ? "/" : path);
      return { totalBytes: bsize * blocks, availableBytes: bsize * bavail };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      if (path === "") return undefined;
    }
  }
}
