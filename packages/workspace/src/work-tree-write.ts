// Writes the steps of a pull into a work tree: each file is made beside its place and renamed into it, and only where what is
// there is still what the plan saw. A step that was done already is done.
import { chmodSync, lstatSync, mkdirSync, renameSync, rmdirSync, symlinkSync, unlinkSync } from "node:fs";
import { open } from "node:fs/promises";
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

/** Answers the names that somebody has changed since the plan was made; they are left as they are. */
export async function writeSteps(request: WriteRequest): Promise<readonly FileName[]> {
  const { top, steps } = request;
  const changed: FileName[] = [];
  for (const [serial, step] of steps.entries()) {
    const path = pathBelow(top, step.name);
    const made = pathBelow(top, temporaryName(step.name, `${request.token}-${serial}`));
    removeIfThere(made);
    const now = stateOnHost(path);
    if (isSame(now, step.after)) continue;
    if (!isSame(now, step.before)) changed.push(step.name);
    else if (step.after === undefined) removeFile(top, step.name);
    else await writeFile(request, { path, made, after: step.after });
  }
  return changed;
}

function isSame(left: FileState | undefined, right: FileState | undefined): boolean {
  return left?.id === right?.id && left?.mode === right?.mode;
}

function temporaryName(name: FileName, serial: string): string {
  return `${name.slice(0, name.lastIndexOf("/") + 1)}.banger-${serial}`;
}

interface Writing {
  readonly path: Buffer;
  readonly made: Buffer;
  readonly after: FileState;
}

async function writeFile({ git, store }: WriteRequest, { path, made, after }: Writing): Promise<void> {
  mkdirSync(path.subarray(0, path.lastIndexOf(0x2f)), { recursive: true });
  const content = git.stream(["cat-file", "blob", after.id], { cwd: store.directory, variables: store.variables });
  if (after.mode === "120000") {
    const parts: Buffer[] = [];
    for await (const part of content) parts.push(part);
    symlinkSync(Buffer.concat(parts), made);
  } else {
    const isProgram = after.mode === "100755";
    await using file = await open(made, "wx", isProgram ? 0o777 : 0o666);
    for await (const part of content) await file.writeFile(part);
    const known = modeAt(path);
    if (known !== undefined) chmodSync(made, isProgram ? known | ((known & 0o444) >> 2) : known & ~0o111);
    await file.sync();
  }
  removeEmptyDirectory(path);
  renameSync(made, path);
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
