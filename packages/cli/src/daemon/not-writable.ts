// What the CLI itself keeps - the daemon's log, the SSH key - may have no place: a read-only home, a full disk.
import { accessSync, constants, existsSync, statfsSync } from "node:fs";
import { dirname } from "node:path";
import { BangerError, formatSize, makeStateDirectory, type Paths } from "@banger/api";
import type { CliDeps } from "../deps.ts";

/** Makes the directory of all that the CLI keeps. Throws `state.not_writable`, `host.disk_full`. */
export function ensureStateDirectory({ uid }: Pick<CliDeps, "uid">, paths: Paths): Promise<void> {
  return writingTo(paths.stateDir, () => makeStateDirectory(paths, uid === 0));
}

/** What `work` answers. Throws `state.not_writable` with the directory when the system refuses. */
export async function writingTo<T>(directory: string, work: () => Promise<T> | T): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const { code, syscall } = cause as NodeJS.ErrnoException;
    if (cause instanceof BangerError || code === undefined || syscall === undefined) throw cause;
    if (code === "ENOSPC" || code === "EDQUOT") throw noSpaceIn(directory, cause);
    throw new BangerError("state.not_writable", `banger cannot keep its state in ${directory} (${refusal(directory) ?? code})`, {
      hint: "make it writable for you, or set BANGER_HOME to a directory that is",
      cause,
    });
  }
}

/** Says how much is free there too: none left, or too little for a quota. */
export function noSpaceIn(directory: string, cause?: unknown): BangerError {
  return new BangerError("host.disk_full", `no space is left in ${directory}${freeBytes(directory)}`, {
    hint: "banger vm list, then banger vm delete NAME; or set BANGER_HOME to a directory elsewhere",
    cause,
  });
}

function freeBytes(directory: string): string {
  try {
    const { bavail, bsize } = statfsSync(directory);
    return ` (${formatSize(bavail * bsize)} free)`;
  } catch {
    // It may not be there yet; how full the disk is is only the remark.
    return "";
  }
}

/** What the nearest directory that is there refuses with: Node's recursive mkdir says ENOENT on a read-only file system. */
function refusal(directory: string): string | undefined {
  let nearest = directory;
  while (!existsSync(nearest) && nearest !== dirname(nearest)) nearest = dirname(nearest);
  try {
    accessSync(nearest, constants.W_OK);
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
}
