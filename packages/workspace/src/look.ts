// What is on disk at the names of a work tree. A directory on the way that is a symlink leads out of the repository: git does
// not look through it, and nothing behind it is copied.
import { accessSync, constants, lstatSync, type Stats } from "node:fs";
import type { Found } from "./file-set.ts";
import { bytesOf, type FileName } from "./names.ts";

/** Answers what is at a name below `top`, now. Directories are looked at once. */
export function lookBelow(top: string): (name: FileName) => Found {
  const isDirectory = new Map<string, boolean>([["", true]]);
  const reaches = (directory: string): boolean => {
    const known = isDirectory.get(directory);
    if (known !== undefined) return known;
    const isReal = reaches(parentOf(directory)) && isDirectoryAt(pathBelow(top, directory));
    isDirectory.set(directory, isReal);
    return isReal;
  };
  return (name) => {
    const parent = parentOf(name);
    if (!reaches(parent)) return { kind: isLinkOnTheWay(top, parent) ? "behind_link" : "missing" };
    return foundAt(pathBelow(top, name));
  };
}

/** The path of a name as bytes. */
export function pathBelow(top: string, name: string): Buffer {
  return Buffer.concat([Buffer.from(`${top}/`, "utf8"), bytesOf(name)]);
}

function foundAt(path: Buffer): Found {
  const stats = lstat(path);
  if (stats === "denied") return { kind: "file", size: 0, mode: 0, mtimeMs: 0, readable: false };
  if (stats === undefined) return { kind: "missing" };
  if (stats.isSymbolicLink()) return { kind: "symlink", size: stats.size, mtimeMs: stats.mtimeMs };
  if (stats.isDirectory()) return { kind: "directory" };
  if (!stats.isFile()) return { kind: "special" };
  return { kind: "file", size: stats.size, mode: stats.mode & 0o777, mtimeMs: stats.mtimeMs, readable: canRead(path) };
}

function canRead(path: Buffer): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

function isLinkOnTheWay(top: string, directory: string): boolean {
  if (directory === "") return false;
  const stats = lstat(pathBelow(top, directory));
  return (typeof stats === "object" && stats.isSymbolicLink()) || isLinkOnTheWay(top, parentOf(directory));
}

/** One that may not be looked at is taken for one, so that what is in it is told as unreadable. */
function isDirectoryAt(path: Buffer): boolean {
  const stats = lstat(path);
  return stats === "denied" || stats?.isDirectory() === true;
}

function parentOf(name: string): string {
  const at = name.lastIndexOf("/");
  return at === -1 ? "" : name.slice(0, at);
}

/** Undefined when nothing is there, `denied` when we may not know. */
function lstat(path: Buffer): Stats | "denied" | undefined {
  try {
    return lstatSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EACCES") return "denied";
    if (["ENOENT", "ENOTDIR", "ELOOP"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}
