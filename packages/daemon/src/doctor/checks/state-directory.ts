import { constants } from "node:fs";
import { access, lstat, stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { Check } from "../contract.ts";
import type { DoctorDeps } from "../deps.ts";

export const stateDirectory: Check<DoctorDeps> = {
  id: "state-directory",
  about: "The daemon keeps its database, images and VMs in directories of its owner.",
  async run({ directories, user }) {
    const kept = [directories.data, directories.cache, directories.state];
    const problems = (await Promise.all(kept.map((path) => problemOf(path, user.uid)))).filter((problem) => problem !== undefined);
    const [first] = problems;
    if (first === undefined) return { status: "ok", summary: directories.data };
    return { status: "failed", summary: problems.map((problem) => problem.summary).join("; "), fix: first.fix };
  },
};

interface Problem {
  readonly summary: string;
  readonly fix: string;
}

async function problemOf(path: string, uid: number): Promise<Problem | undefined> {
  const existing = await nearestExisting(path);
  if (existing.kind !== "directory") return { summary: `${existing.path} is ${existing.kind}`, fix: `move ${existing.path} away` };
  if (existing.path === path && existing.uid !== uid) {
    return { summary: `${path} belongs to user ${existing.uid}, not to ${uid}`, fix: `sudo chown -R ${uid} ${path}` };
  }
  const isWritable = await access(existing.path, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
  if (isWritable) return undefined;
  const what = existing.path === path ? "be written" : `be made: ${existing.path} is not writable`;
  return { summary: `${path} cannot ${what}`, fix: `make ${existing.path} writable, or set BANGER_HOME to a directory of your own` };
}

interface Existing {
  readonly path: string;
  readonly uid: number;
  readonly kind: "directory" | "not a directory" | "a symlink to nothing";
}

/** The directory itself or the nearest parent that is there: nothing is made to find out whether it can be. */
async function nearestExisting(path: string): Promise<Existing> {
  const link = await ifThere(lstat(path));
  if (link === undefined) return nearestExisting(dirname(path));
  const target = link.isSymbolicLink() ? await ifThere(stat(path)) : link;
  if (target === undefined) return { path, uid: link.uid, kind: "a symlink to nothing" };
  return { path, uid: target.uid, kind: target.isDirectory() ? "directory" : "not a directory" };
}

async function ifThere<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR" || code === "EACCES") return undefined;
    throw error;
  }
}
