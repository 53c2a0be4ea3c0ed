// What is said of a pull: the files on stdout, what became of them and what to type next on stderr.
import { shownName, type Conflict, type ConflictKind, type FileName, type WorkspaceRecord } from "@banger/workspace";
import type { CliContext } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { shellLine } from "../ssh/argv.ts";

export interface FileChange {
  readonly name: FileName;
  readonly change: "added" | "modified" | "deleted";
}

export interface PullOutcome {
  readonly record: WorkspaceRecord;
  readonly where:
    | { readonly kind: "branch"; readonly name: string; readonly commit: string | undefined; readonly moved: string | undefined }
    | { readonly kind: "worktree"; readonly safetyRef: string | undefined };
  readonly files: readonly FileChange[];
  readonly conflicts: readonly Conflict[];
  /** Changed on the host in the very moment. */
  readonly left: readonly FileName[];
  readonly isDryRun: boolean;
}

/** Answers the exit status. */
export async function reportPull(context: CliContext, outcome: PullOutcome): Promise<number> {
  const status = outcome.conflicts.length + outcome.left.length === 0 ? EXIT.ok : EXIT.failure;
  if (context.output.isJson) await context.output.json(asJson(outcome));
  else {
    await context.output.result(linesOf(outcome).join("\n"));
    for (const remark of remarks(outcome)) context.output.note(remark);
  }
  return status;
}

function asJson({ record, where, files, conflicts, left, isDryRun }: PullOutcome) {
  const place =
    where.kind === "branch"
      ? { into: "branch", branch: where.name, commit: where.commit ?? null }
      : { into: "worktree", safetyRef: where.safetyRef ?? null };
  return {
    vm: record.vmName,
    repository: record.top,
    ...place,
    files: files.map(({ name, change }) => ({ name: shownName(name), change })),
    conflicts: conflicts.map(({ name, kind }) => ({ name: shownName(name), kind })),
    left: left.map(shownName),
    dryRun: isDryRun,
  };
}

const LETTERS = { added: "A", modified: "M", deleted: "D" } as const;
const KINDS: Readonly<Record<ConflictKind, string>> = {
  both_changed: "changed on both sides",
  both_added: "added on both sides",
  changed_here_deleted_there: "changed here, deleted in the guest",
  deleted_here_changed_there: "deleted here, changed in the guest",
  other: "in the way of each other",
};

function linesOf({ files, conflicts }: PullOutcome): readonly string[] {
  const inConflict = new Set(conflicts.map(({ name }) => name));
  return [
    ...files.filter(({ name }) => !inConflict.has(name)).map(({ name, change }) => `${LETTERS[change]}  ${shownName(name)}`),
    ...conflicts.map(({ name, kind }) => `C  ${shownName(name)} (${KINDS[kind]})`),
  ];
}

function remarks(outcome: PullOutcome): readonly string[] {
  const { record, where, files, conflicts, left, isDryRun } = outcome;
  const names = new Set([...files, ...conflicts].map(({ name }) => name));
  if (names.size === 0) return [`nothing new in ${record.vmName}:${record.guestPath}`];
  const count = names.size === 1 ? "1 file" : `${names.size} files`;
  const target = where.kind === "branch" ? where.name : record.top;
  if (isDryRun) return [`${count} of ${record.vmName} would come ${where.kind === "branch" ? "onto" : "into"} ${target}`];
  const git = (...args: string[]) => shellLine(["git", "-C", record.top, ...args]);
  if (where.kind === "branch") {
    const moved = where.moved === undefined ? [] : [`! ${where.moved} is not where a pull left it, so this is another branch`];
    return [
      ...moved,
      `${count} of ${record.vmName} on ${target}.  look: ${git("diff", `HEAD...${target}`)}   take: ${git("merge", target)}`,
    ];
  }
  const before = where.safetyRef === undefined ? "" : `  as it was before: ${git("diff", where.safetyRef)}`;
  const shown = left.map(shownName).join(", ");
  return [
    `${count} of ${record.vmName} in ${target}.${before}`,
    ...(left.length === 0
      ? []
      : [`! changed here in this moment and left alone: ${shown}  again: banger vm workspace pull ${record.vmName} --into-worktree`]),
    ...(conflicts.length === 0
      ? []
      : [
          `! ${conflicts.length === 1 ? "1 conflict" : `${conflicts.length} conflicts`} to resolve.  see: ${git("status")}   then: ${git("add", "FILE")}`,
        ]),
  ];
}
