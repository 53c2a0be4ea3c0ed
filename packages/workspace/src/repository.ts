// The repository at a path of the host: where it is, what it is on, and whether a guest can get it.
import { stat } from "node:fs/promises";
import { BangerError } from "@banger/api";
import type { IndexEntry } from "@banger/api/guest-index";
import type { Git } from "./git.ts";
import { nameOfBytes, shownName, splitNul, type FileName } from "./names.ts";

export type { IndexEntry };

export interface Repository {
  /** The top of the work tree, absolute. */
  readonly top: string;
  readonly gitDirectory: string;
  /** Where objects and configuration are: that of the main work tree for a linked one. */
  readonly commonDirectory: string;
  /** Commit of HEAD; undefined before the first commit. */
  readonly head: string | undefined;
  /** Undefined when HEAD is detached. */
  readonly branch: string | undefined;
  /** `origin`'s, without credentials. */
  readonly originUrl: string | undefined;
  readonly identity: { readonly name: string | undefined; readonly email: string | undefined };
  /** One entry a stage: a conflicted name has several. */
  readonly index: readonly IndexEntry[];
}

/** Throws `workspace.not_repository`, or `workspace.unsupported` with the reason. */
export async function openRepository(git: Git, path: string): Promise<Repository> {
  await checkDirectory(path);
  const at = { cwd: path };
  const found = await git.run(
    ["rev-parse", "--is-bare-repository", "--is-inside-git-dir", "--absolute-git-dir", "--git-common-dir", "--show-object-format"],
    { ...at, accept: [128] },
  );
  if (found.status !== 0) throw notRepository(path, found.stderr);
  const [isBare, isInside, gitDirectory = "", commonDirectory = "", format] = found.stdout.toString("utf8").split("\n");
  if (isBare === "true")
    throw unsupported(`${path} is a bare repository: there is no work tree to copy`, "git worktree add DIR, then give DIR");
  if (isInside === "true") throw unsupported(`${path} is inside a .git directory`, "give the directory it belongs to");
  if (format !== "sha1") throw unsupported(`${path} uses ${format} object names, which banger cannot compare with a guest's yet`);
  const top = await git.text(["rev-parse", "--show-toplevel"], at);
  const inTop = { cwd: top };
  const [head, branch, origin, name, email, index] = await Promise.all([
    optional(git, ["rev-parse", "--verify", "--quiet", "HEAD^{commit}"], top),
    optional(git, ["symbolic-ref", "--quiet", "--short", "HEAD"], top),
    optional(git, ["config", "--get", "remote.origin.url"], top),
    optional(git, ["config", "--get", "user.name"], top),
    optional(git, ["config", "--get", "user.email"], top),
    git.run(["ls-files", "-z", "--stage", "--full-name"], inTop),
  ]);
  return {
    top,
    gitDirectory,
    commonDirectory: commonDirectory.startsWith("/")
      ? commonDirectory
      : await git.text(["rev-parse", "--path-format=absolute", "--git-common-dir"], inTop),
    head,
    branch,
    originUrl: origin === undefined ? undefined : withoutCredentials(origin),
    identity: { name, email },
    index: parseIndex(index.stdout),
  };
}

/** A URL without what lets one in. The user of ssh is part of the address. */
export function withoutCredentials(url: string): string {
  const match = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)@(.*)$/is.exec(url);
  if (match === null) return url;
  const [, scheme = "", userInfo = "", rest = ""] = match;
  const user = userInfo.split(":")[0] ?? "";
  const isSsh = /^(git\+)?ssh(\+git)?$/i.test(scheme);
  return isSsh && user !== "" ? `${scheme}://${user}@${rest}` : `${scheme}://${rest}`;
}

/** The answer of `ls-files -z --stage`. */
export function parseIndex(bytes: Uint8Array): readonly IndexEntry[] {
  return splitNul(bytes).map((line) => {
    const tab = line.indexOf("\t");
    const [mode = "", id = "", stage = "0"] = line.slice(0, tab).split(" ");
    return { name: line.slice(tab + 1) as FileName, mode, id, stage: Number(stage) };
  });
}

/** Throws `workspace.unsupported` naming them. */
export function refuseSubmodules(entries: readonly IndexEntry[]): void {
  const submodules = entries.filter(({ mode }) => mode === "160000").map(({ name }) => shownName(name));
  if (submodules.length === 0) return;
  const some = submodules.slice(0, 5).join(", ");
  throw unsupported(
    `the repository has submodules, which would arrive empty: ${some}${submodules.length > 5 ? ` and ${submodules.length - 5} more` : ""}`,
    "give the path of a submodule, or start without a path and clone in the guest",
  );
}

async function checkDirectory(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() === true) return;
  throw new BangerError("workspace.not_repository", found === undefined ? `nothing is at ${path}` : `${path} is not a directory`, {
    hint: "give a directory inside a git repository",
  });
}

function notRepository(path: string, stderr: string): BangerError {
  const isOwnership = stderr.includes("dubious ownership");
  if (!isOwnership && stderr.includes("not a git repository"))
    return new BangerError("workspace.not_repository", `${path} is not in a git repository`, { hint: `git init ${path}` });
  const words = nameOfBytes(Buffer.from(stderr.trim().split("\n")[0] ?? ""));
  return new BangerError(
    "workspace.not_repository",
    `git does not open ${path}: ${words}`,
    isOwnership ? { hint: `git config --global --add safe.directory ${path}` } : {},
  );
}

function unsupported(message: string, hint?: string): BangerError {
  return new BangerError("workspace.unsupported", message, hint === undefined ? {} : { hint });
}

async function optional(git: Git, args: readonly string[], cwd: string): Promise<string | undefined> {
  const answer = await git.run(args, { cwd, accept: [1, 128] });
  return answer.status === 0 ? answer.stdout.toString("utf8").replace(/\n$/, "") : undefined;
}
