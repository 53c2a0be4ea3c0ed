// Writes the steps of a pull into a work tree: each file is made beside its place and renamed into it, and only where what is
// there is still what the plan saw. A step that was done already is done.
import { chmodSync, lstatSync, mkdirSync, renameSync, rmdirSync, symlinkSync, unlinkSync } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { blobContents } from "./blob-contents.ts";
import type { FileState } from "./changes.ts";
import type { Git } from "./git.ts";
import { stateOnHost } from "./host-files.ts";
import { pathBelow } from "./look.ts";
import { bytesOf, type FileName } from "./names.ts";
import type { WorkspaceStore } from "./store.ts";
import type { WorkTreeStep } from "./work-tree-plan.ts";

export interface WriteRequest {
  readonly git: Git;
  readonly store: WorkspaceStore;
  readonly top: string;
  readonly steps: readonly WorkTreeStep[];
  /** Tells the files made on the way from others'. */
  readonly token: string;
}

/** Files that are made, and written out to the disk, together: one by one each would wait for a git and for the disk. */
const GROUP = 100;

/** Answers the names that somebody has changed since the plan was made; they are left as they are. */
export async function writeSteps(request: WriteRequest): Promise<readonly FileName[]> {
  const changed: FileName[] = [];
  let group: Writing[] = [];
  // Removals come first: a file may take a directory's place.
  for (const [serial, { name, before, after }] of request.steps.entries()) {
    const path = pathBelow(request.top, name);
    const made = pathBelow(request.top, temporaryName(name, `${request.token}-${serial}`));
    removeIfThere(made);
    if (after === undefined) {
      if (!removeStep(request.top, { name, before, path })) changed.push(name);
      continue;
    }
    group.push({ name, path, made, before, after });
    if (group.length === GROUP) changed.push(...(await writeGroup(request, group.splice(0))));
  }
  changed.push(...(await writeGroup(request, group)));
  return changed;
}

interface Removing {
  readonly name: FileName;
  readonly path: Buffer;
  readonly before: FileState | undefined;
}

/** Whether it is gone. */
function removeStep(top: string, { name, before, path }: Removing): boolean {
  const now = stateOnHost(path);
  if (now === undefined) return true;
  if (!isSame(now, before)) return false;
  removeFile(top, name);
  return true;
}

interface Writing extends Removing {
  readonly made: Buffer;
  readonly after: FileState;
}

/** Makes all files beside their places, and only then gives them their names. Answers which somebody has changed. */
async function writeGroup(request: WriteRequest, group: readonly Writing[]): Promise<readonly FileName[]> {
  const states = new Map(group.map((each) => [each, stateOnHost(each.path)]));
  const due = group.filter((each) => isSame(states.get(each), each.before));
  const changed = group.filter((each) => !isSame(states.get(each), each.before) && !isSame(states.get(each), each.after));
  await makeFiles(request, due);
  for (const each of due) {
    if (isSame(stateOnHost(each.path), each.before)) {
      removeEmptyDirectory(each.path);
      renameSync(each.made, each.path);
    } else {
      removeIfThere(each.made);
      changed.push(each);
    }
  }
  return changed.map(({ name }) => name);
}

function isSame(left: FileState | undefined, right: FileState | undefined): boolean {
  return left?.id === right?.id && left?.mode === right?.mode;
}

function temporaryName(name: FileName, serial: string): string {
  return `${name.slice(0, name.lastIndexOf("/") + 1)}.banger-${serial}`;
}

/** On the disk when it answers. */
async function makeFiles({ git, store }: WriteRequest, group: readonly Writing[]): Promise<void> {
  await using files = new AsyncDisposableStack();
  const written: FileHandle[] = [];
  const [...left] = group;
  const ids = group.map(({ after }) => after.id);
  for await (const content of blobContents(git, store, ids)) {
    const each = left.shift();
    if (each === undefined) break;
    mkdirSync(each.path.subarray(0, each.path.lastIndexOf(0x2f)), { recursive: true });
    if (each.after.mode === "120000") {
      symlinkSync(Buffer.concat(await Array.fromAsync(content)), each.made);
      continue;
    }
    const isProgram = each.after.mode === "100755";
    const file = files.use(await open(each.made, "wx", isProgram ? 0o777 : 0o666));
    for await (const part of content) await file.writeFile(part);
    const known = modeAt(each.path);
    if (known !== undefined) chmodSync(each.made, isProgram ? known | ((known & 0o444) >> 2) : known & ~0o111);
    written.push(file);
  }
  await Promise.all(written.map((file) => file.sync()));
}

/** Permissions of the file that is replaced, but for whether it is a program. */
function modeAt(path: Buffer): number | undefined {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  return stats?.isFile() === true ? stats.mode & 0o777 : undefined;
}

/** The file, and the directories that are empty without it, as git does. */
function removeFile(top: string, name: FileName): void {
  removeIfThere(pathBelow(top, name));
  for (let at = name.lastIndexOf("/"); at !== -1; at = name.lastIndexOf("/", at - 1)) {
    if (!removeEmptyDirectory(pathBelow(top, name.slice(0, at)))) return;
  }
}

function removeEmptyDirectory(path: Buffer): boolean {
  try {
    rmdirSync(path);
    return true;
  } catch (error) {
    if (["ENOTEMPTY", "EEXIST", "ENOTDIR", "ENOENT", "EBUSY"].includes((error as NodeJS.ErrnoException).code ?? "")) return false;
    throw error;
  }
}

function removeIfThere(path: Buffer): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (!["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}

/** Lines for `git update-index -z --index-info` that leave names in conflict. */
export function unmergedLines(conflicts: readonly { readonly name: FileName; readonly stages: readonly Stage[] }[]): readonly string[] {
  return conflicts.flatMap(({ name, stages }) => [
    `0 ${"0".repeat(40)}\t${name}`,
    ...stages.map(({ mode, id, stage }) => `${mode} ${id} ${stage}\t${name}`),
  ]);
}

interface Stage {
  readonly stage: number;
  readonly mode: string;
  readonly id: string;
}

export async function markUnmerged(git: Git, top: string, lines: readonly string[]): Promise<void> {
  if (lines.length === 0) return;
  const input = bytesOf(lines.map((line) => `${line}\0`).join(""));
  await git.run(["update-index", "-z", "--index-info"], { cwd: top, input });
}
