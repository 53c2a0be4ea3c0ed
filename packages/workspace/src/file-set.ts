// Which files of a repository go to a guest. Pure: from git's lists and what was found on disk to the set, with a reason for
// everything that stays.
import type { FileName } from "./names.ts";
import type { IndexEntry } from "./repository.ts";

/** What is at a name. `behind_link`: a directory on the way is a symlink, so it is no file of this repository. */
export type Found =
  | { readonly kind: "file"; readonly size: number; readonly mode: number; readonly mtimeMs: number; readonly readable: boolean }
  | { readonly kind: "symlink"; readonly size: number; readonly mtimeMs: number }
  | { readonly kind: "missing" | "directory" | "special" | "behind_link" };

export interface PlannedFile {
  readonly name: FileName;
  readonly kind: "file" | "symlink";
  readonly size: number;
  /** Id of the content git has in its index; undefined when it has none, or several. */
  readonly indexId: string | undefined;
  readonly isTracked: boolean;
}

export type SkipReason = "untracked" | "deleted" | "special" | "nested_repository" | "behind_link";

export interface Skipped {
  readonly name: FileName;
  readonly reason: SkipReason;
}

export interface FileSet {
  /** In git's order. */
  readonly files: readonly PlannedFile[];
  readonly skipped: readonly Skipped[];
  /** Files that cannot be read: a copy without them would be half a copy. */
  readonly unreadable: readonly FileName[];
  readonly bytes: number;
}

export interface FileSetInput {
  readonly index: readonly IndexEntry[];
  /** Not tracked, not ignored; a name ending in `/` is a repository of its own. */
  readonly untracked: readonly FileName[];
  readonly includeUntracked: boolean;
  readonly look: (name: FileName) => Found;
}

export function planFileSet({ index, untracked, includeUntracked, look }: FileSetInput): FileSet {
  const files: PlannedFile[] = [];
  const skipped: Skipped[] = [];
  const unreadable: FileName[] = [];
  const take = (name: FileName, indexId: string | undefined, isTracked: boolean) => {
    const found = look(name);
    if (found.kind === "file" && !found.readable) unreadable.push(name);
    else if (found.kind === "file" || found.kind === "symlink")
      files.push({ name, kind: found.kind, size: found.size, indexId, isTracked });
    else skipped.push({ name, reason: skipReason(found.kind, isTracked) });
  };
  for (const [name, ids] of idsByName(index)) take(name, ids.length === 1 ? ids[0] : undefined, true);
  for (const name of untracked) {
    if (name.endsWith("/")) skipped.push({ name, reason: "nested_repository" });
    else if (includeUntracked) take(name, undefined, false);
    else skipped.push({ name, reason: "untracked" });
  }
  return {
    files: files.toSorted(byName),
    skipped: skipped.toSorted(byName),
    unreadable: unreadable.toSorted(),
    bytes: files.reduce((sum, { size }) => sum + size, 0),
  };
}

function idsByName(index: readonly IndexEntry[]): ReadonlyMap<FileName, readonly string[]> {
  const ids = new Map<FileName, string[]>();
  for (const { name, id } of index) {
    const known = ids.get(name);
    if (known === undefined) ids.set(name, [id]);
    else known.push(id);
  }
  return ids;
}

function skipReason(kind: Exclude<Found["kind"], "file" | "symlink">, isTracked: boolean): SkipReason {
  switch (kind) {
    case "missing":
      return "deleted";
    case "directory":
      return isTracked ? "deleted" : "nested_repository";
    case "special":
      return "special";
    case "behind_link":
      return "behind_link";
  }
}

function byName(left: { readonly name: string }, right: { readonly name: string }): number {
  return left.name < right.name ? -1 : left.name > right.name ? 1 : 0;
}
