// What a pull would do to the files of a work tree, and what stands against it. Nothing is written before all of it is known.
import { lstatSync, readdirSync, type Stats } from "node:fs";
import { join } from "node:path";
import { BangerError } from "@banger/api";
import type { FileState, FileStates } from "./changes.ts";
import { pathBelow } from "./look.ts";
import { nameOfBytes, shownName, unsafeReason, type FileName } from "./names.ts";

export interface WorkTreeStep {
  readonly name: FileName;
  readonly before: FileState | undefined;
  /** Undefined removes the file. */
  readonly after: FileState | undefined;
}

/** What to write and to remove to come from `ours` to `result`; removals first, as a file may take a directory's place. */
export function planSteps(ours: FileStates, result: FileStates): readonly WorkTreeStep[] {
  const removed: WorkTreeStep[] = [];
  const written: WorkTreeStep[] = [];
  for (const [name, before] of ours) if (!result.has(name)) removed.push({ name, before, after: undefined });
  for (const [name, after] of result) {
    const before = ours.get(name);
    if (before?.id !== after.id || before.mode !== after.mode) written.push({ name, before, after });
  }
  return [...removed, ...written];
}

/** Throws `workspace.unsafe` naming what must not be written, `workspace.conflict` naming what is in the way on the host. */
export function checkSteps(top: string, steps: readonly WorkTreeStep[], result: FileStates): void {
  const removed = new Set(steps.filter(({ after }) => after === undefined).map(({ name }) => name));
  for (const { name, before, after } of steps) {
    const unsafe = unsafeReason(name);
    if (unsafe !== undefined) throw refusedName(name, unsafe);
    const obstacle = obstacleAbove(top, name, removed) ?? (after === undefined ? undefined : obstacleAt(top, { name, before, removed }));
    if (obstacle !== undefined)
      throw new BangerError("workspace.conflict", `${shownName(name)} cannot be written: ${obstacle}`, {
        hint: "move that away, or pull onto a branch",
      });
  }
  if (isCaseBlind(top)) refuseTwins(steps, result);
}

function refusedName(name: FileName, reason: string): BangerError {
  return new BangerError("workspace.unsafe", `the guest has ${shownName(name)}, which is not written here: ${reason}`);
}

/** Every directory on the way is one, of this repository. */
function obstacleAbove(top: string, name: FileName, removed: ReadonlySet<string>): string | undefined {
  for (let at = name.indexOf("/"); at !== -1; at = name.indexOf("/", at + 1)) {
    const above = name.slice(0, at) as FileName;
    const stats = statsAt(pathBelow(top, above));
    if (stats === undefined || removed.has(above)) return undefined;
    if (stats.isSymbolicLink()) return `${shownName(above)} is a symlink here`;
    if (!stats.isDirectory()) return `${shownName(above)} is no directory here`;
    if (statsAt(pathBelow(top, `${above}/.git`)) !== undefined) return `${shownName(above)} is a repository of its own here`;
  }
  return undefined;
}

interface Place {
  readonly name: FileName;
  readonly before: FileState | undefined;
  readonly removed: ReadonlySet<string>;
}

function obstacleAt(top: string, { name, before, removed }: Place): string | undefined {
  const stats = statsAt(pathBelow(top, name));
  if (stats === undefined) return undefined;
  if (stats.isDirectory()) {
    const inside = firstKept(top, name, removed);
    return inside === undefined ? undefined : `a directory is there, with ${shownName(inside)} in it`;
  }
  if (before !== undefined) return undefined;
  return stats.isFile() || stats.isSymbolicLink() ? "something that cannot be read is there" : "what is there is neither file nor symlink";
}

/** A name below a directory that would not go. */
function firstKept(top: string, directory: FileName, removed: ReadonlySet<string>): FileName | undefined {
  for (const entry of readdirSync(pathBelow(top, directory), { encoding: "buffer" })) {
    const name = `${directory}/${nameOfBytes(entry)}` as FileName;
    if (removed.has(name)) continue;
    const kept = statsAt(pathBelow(top, name))?.isDirectory() === true ? firstKept(top, name, removed) : name;
    if (kept !== undefined) return kept;
  }
  return undefined;
}

/** Whether the file system takes names that differ in case alone for one; `.git` is always there to ask with. */
function isCaseBlind(top: string): boolean {
  const [lower, upper] = [".git", ".GIT"].map((name) => statsAt(Buffer.from(join(top, name))));
  return lower !== undefined && upper !== undefined && lower.ino === upper.ino;
}

function refuseTwins(steps: readonly WorkTreeStep[], result: FileStates): void {
  const byFolded = new Map<string, FileName>();
  for (const name of result.keys()) {
    const folded = Buffer.from(name, "latin1").toString("utf8").normalize("NFC").toLowerCase();
    const twin = byFolded.get(folded);
    if (twin !== undefined && steps.some((step) => step.name === name || step.name === twin))
      throw refusedName(name, `this file system takes it for ${shownName(twin)}`);
    byFolded.set(folded, name);
  }
}

function statsAt(path: Buffer): Stats | undefined {
  try {
    return lstatSync(path);
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "ELOOP"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}
