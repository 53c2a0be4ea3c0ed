// Reads the owner's files that config.toml names, and nothing else: each step below a directory is taken from its open
// descriptor and never through a symlink, so that what was checked to be in the owner's home is what is read.
import { constants } from "node:fs";
import { open, readdir, readlink, realpath, type FileHandle } from "node:fs/promises";
import { BangerError, formatSize, MIB, nameOfBytes, shownName } from "@banger/api";
import type { SyncedPath } from "../config/contract.ts";

export const MOST_BYTES = 64 * MIB;
const MOST_ENTRIES = 10_000;
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const DEFAULT_MODE = 0o600;

export interface SyncedItem {
  /** Below root's home in the guest. */
  readonly name: string;
  readonly kind: "file" | "directory";
  readonly mode: number;
  /** Of a file whose content was asked for. */
  readonly content: Buffer | null;
}

export interface Collected {
  readonly items: SyncedItem[];
  bytes: number;
  readonly leftOut: string[];
}

export interface CollectOptions {
  readonly paths: readonly SyncedPath[];
  /** The owner's home. */
  readonly home: string;
  readonly withContent: boolean;
}

/** Throws `config.invalid` when it is too much. What is missing, leads out of the home or is no file is left out, with the reason. */
export async function collect({ paths, home, withContent }: CollectOptions): Promise<Collected> {
  const collected: Collected = { items: [], bytes: 0, leftOut: [] };
  const realHome = await realpath(home).catch(() => home);
  for (const path of paths) {
    try {
      await using opened = await openInHome(path.host, realHome);
      await take({ collected, path, withContent }, { handle: opened, name: path.guest, shown: path.host, isTop: true });
    } catch (error) {
      if (error instanceof BangerError) throw error;
      collected.leftOut.push(`${path.host}: ${reasonOf(error)}`);
    }
  }
  return collected;
}

class LeadsOut extends Error {}

/** A symlink is gone through when it stays in the home: where the open file really is, is what counts. */
async function openInHome(path: string, home: string): Promise<FileHandle> {
  const handle = await open(await realpath(path), READ);
  try {
    const real = await readlink(`/proc/self/fd/${handle.fd}`);
    if (!real.startsWith(`${home.replace(/\/$/, "")}/`)) throw new LeadsOut(`it leads to ${real}, out of your home`);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

interface Taking {
  readonly collected: Collected;
  readonly path: SyncedPath;
  readonly withContent: boolean;
}

interface Found {
  readonly handle: FileHandle;
  readonly name: string;
  /** For people. */
  readonly shown: string;
  readonly isTop: boolean;
}

async function take(taking: Taking, found: Found): Promise<void> {
  const { collected, path, withContent } = taking;
  const { handle, name, shown, isTop } = found;
  const stats = await handle.stat();
  const permissions = stats.mode & 0o777;
  if (!stats.isFile() && !stats.isDirectory()) return void collected.leftOut.push(`${shown}: neither a file nor a directory`);
  if (stats.isFile()) collected.bytes += stats.size;
  if (collected.bytes > MOST_BYTES || collected.items.length >= MOST_ENTRIES) throw tooMuch(path, collected);
  if (stats.isDirectory()) {
    collected.items.push({ name: `${name}/`, kind: "directory", mode: permissions, content: null });
    return await takeDirectory(taking, found);
  }
  const content = withContent ? await readBounded(handle, stats.size) : null;
  collected.items.push({ name, kind: "file", mode: path.mode ?? (isTop ? DEFAULT_MODE : permissions), content });
}

async function takeDirectory(taking: Taking, { handle, name, shown }: Found): Promise<void> {
  const { leftOut } = taking.collected;
  for (const bytes of await readdir(`/proc/self/fd/${handle.fd}`, { encoding: "buffer" })) {
    const text = bytes.toString("utf8");
    const inner = `${shown}/${shownName(nameOfBytes(bytes))}`;
    if (!Buffer.from(text).equals(bytes)) {
      leftOut.push(`${inner}: its name is no text`);
      continue;
    }
    try {
      await using below = await open(`/proc/self/fd/${handle.fd}/${text}`, READ);
      await take(taking, { handle: below, name: `${name}/${text}`, shown: inner, isTop: false });
    } catch (error) {
      if (error instanceof BangerError) throw error;
      leftOut.push(`${inner}: ${reasonOf(error)}`);
    }
  }
}

/** A file that grows meanwhile is cut where it ended at first. */
async function readBounded(handle: FileHandle, size: number): Promise<Buffer> {
  const content = Buffer.alloc(size);
  let at = 0;
  while (at < size) {
    const { bytesRead } = await handle.read(content, at, size - at, at);
    if (bytesRead === 0) break;
    at += bytesRead;
  }
  return content.subarray(0, at);
}

function tooMuch(path: SyncedPath, { bytes }: Collected): BangerError {
  const what = bytes > MOST_BYTES ? formatSize(MOST_BYTES) : `${MOST_ENTRIES} files and directories`;
  return new BangerError("config.invalid", `file_sync: with ${path.host} it is more than ${what}`, {
    hint: "name what is needed of it in config.toml, or copy it by: banger vm cp",
  });
}

function reasonOf(error: unknown): string {
  if (error instanceof LeadsOut) return error.message;
  switch ((error as NodeJS.ErrnoException).code) {
    case "ENOENT":
    case "ENOTDIR":
      return "it is not there";
    case "ELOOP":
      return "a symlink";
    case "EACCES":
      return "it cannot be read";
    case "ENXIO":
      return "neither a file nor a directory";
    default:
      return (error as Error).message;
  }
}
