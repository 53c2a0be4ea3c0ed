// A full disk, as the system, SQLite and host programs tell of it, and the one error it becomes.
import { statfs } from "node:fs/promises";
import { statfsSync } from "node:fs";
import { dirname } from "node:path";
import { BangerError, formatSize, MIB } from "@banger/api";

/** SQLite's result codes (https://www.sqlite.org/rescode.html): the primary one is the low byte. */
const SQLITE_FULL = 13;
/** What it says where it does not look at errno: no room for its index, a write over a quota. */
const SQLITE_IOERR_SHMSIZE = 4874;
const SQLITE_IOERR_WRITE = 778;

/** strerror(3) of ENOSPC and EDQUOT, as programs print it. */
const PROGRAM_WORDS = /No space left on device|Disk quota exceeded/;

export const DISK_FULL_HINT = "banger vm list, then banger vm delete NAME";

/** Whether `error` says that a file system, or a quota on it, has no space left. */
export function isDiskFull(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof BangerError)
    return error.code === "host.disk_full" || (error.code === "host.command_failed" && PROGRAM_WORDS.test(error.message));
  const { code, errcode } = error as { readonly code?: unknown; readonly errcode?: unknown };
  if (code === "ENOSPC" || code === "EDQUOT") return true;
  if (code !== "ERR_SQLITE_ERROR" || typeof errcode !== "number") return false;
  return (errcode & 0xff) === SQLITE_FULL || errcode === SQLITE_IOERR_SHMSIZE || errcode === SQLITE_IOERR_WRITE;
}

/** `host.disk_full` for what was written below `directory`, unless `cause` names a place, with the bytes that are free there. */
export function diskFullError(directory: string, cause?: unknown): BangerError {
  if (cause instanceof BangerError && cause.code === "host.disk_full") return cause;
  const path = pathOf(cause) ?? directory;
  const freeBytes = freeBytesNear(path);
  const left = freeBytes < MIB ? "no" : "too little";
  return new BangerError("host.disk_full", `${left} space is left in ${path} (${formatSize(freeBytes)} free)`, {
    hint: DISK_FULL_HINT,
    details: { directory: path, freeBytes },
    cause,
  });
}

/** Bytes free for this process on the file system of `path`, or of the nearest directory above it that exists. */
export async function freeBytesAt(path: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return freeBytesAt(dirname(path));
  }
}

/** The directory that Node's error names. */
function pathOf(cause: unknown): string | undefined {
  const { path } = (cause ?? {}) as NodeJS.ErrnoException;
  return typeof path === "string" && path.startsWith("/") ? dirname(path) : undefined;
}

function freeBytesNear(path: string): number {
  try {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize;
  } catch (error) {
    // What cannot be asked, because it is not there or closed to us, is most often on the file system of what it is in.
    if (path === dirname(path)) throw error;
    return freeBytesNear(dirname(path));
  }
}
