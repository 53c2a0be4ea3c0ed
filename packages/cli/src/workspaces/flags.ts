// The flags of `vm run PATH`, and which of them make sense together.
import { switchFlag } from "../command.ts";
import { usageError } from "../context.ts";
import { parseGuestPath } from "./guest-path.ts";

export interface WorkspaceFlags {
  readonly includeUntracked?: boolean;
  readonly guestPath?: string;
  readonly branch?: string;
  readonly from?: string;
  readonly mode?: "shallow" | "full";
  readonly dryRun?: boolean;
}

export const workspaceFlags = {
  includeUntracked: switchFlag("Copy files that git does not track too; ignored ones never"),
  guestPath: {
    kind: "parsed",
    parse: parseGuestPath,
    optional: true,
    brief: "Where the repository lands; /root/repo without it",
    placeholder: "DIR",
  },
  branch: { kind: "parsed", parse: String, optional: true, brief: "Make this branch in the guest", placeholder: "NEW" },
  from: { kind: "parsed", parse: String, optional: true, brief: "Start --branch here, with that commit's files", placeholder: "REF" },
  mode: { kind: "enum", values: ["shallow", "full"], optional: true, brief: "History that goes along: 50 commits, or all" },
  dryRun: switchFlag("List what would be copied, do nothing"),
} as const;

/** For what brings changes out. */
export const includeIgnoredFlag = {
  kind: "parsed",
  parse: parsePattern,
  optional: true,
  variadic: true,
  brief: "Ignored files that come too, as a pattern of .gitignore",
  placeholder: "PATTERN",
} as const;

function parsePattern(text: string): string {
  if (text.trim() === "" || /[\n\0]/.test(text))
    throw usageError(`${JSON.stringify(text)} is no pattern`, "write it as in a .gitignore: dist/ or '*.whl'");
  return text;
}

/** Throws `cli.usage`. */
export function checkWorkspaceFlags(flags: WorkspaceFlags, path: string | undefined): void {
  if (flags.from !== undefined && flags.branch === undefined)
    throw usageError("--from needs --branch", "banger vm run PATH --branch NEW --from REF");
  if (flags.from !== undefined && flags.includeUntracked === true)
    throw usageError("--from and --include-untracked exclude each other: with --from the files are those of a commit");
  if (path !== undefined) return;
  const given = (Object.keys(workspaceFlags) as (keyof WorkspaceFlags)[]).find((name) => flags[name] !== undefined);
  if (given !== undefined)
    throw usageError(
      `--${given.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} needs a PATH: the repository to copy`,
      "banger vm run ./repo",
    );
}
