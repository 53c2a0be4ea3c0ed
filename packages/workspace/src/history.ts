// The `.git` a guest gets: made here by the host's git, from nothing of the host's but objects, refs and a few values. No hooks,
// no credentials, no configuration that could run anything.
import { copyFile, mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Git } from "./git.ts";
import { nameOfText } from "./names.ts";
import type { IndexEntry, Repository } from "./repository.ts";

/** Commits of a shallow history. */
export const SHALLOW_DEPTH = 50;

export interface HistoryRequest {
  readonly repository: Repository;
  /** An empty directory; `.git` is made in it. */
  readonly directory: string;
  readonly mode: "shallow" | "full";
  /** Branch the guest is on; undefined leaves HEAD detached. */
  readonly branch: string | undefined;
  /** Commit the guest is on; undefined before the first one. */
  readonly commit: string | undefined;
  /** The index file the guest's is a copy of, and what is in it. */
  readonly indexFile: string;
  readonly index: readonly IndexEntry[];
  readonly signal?: AbortSignal | undefined;
}

export async function makeHistory(git: Git, request: HistoryRequest): Promise<void> {
  const { directory, repository, signal } = request;
  const here = { cwd: directory, signal };
  await git.run(["init", "--quiet", "--template=", "--initial-branch=main", "."], here);
  await writeConfiguration(git, request);
  if (request.commit !== undefined) await fetchHistory(git, request, request.commit);
  if (request.branch !== undefined) await git.run(["symbolic-ref", "HEAD", `refs/heads/${request.branch}`], here);
  await copyIndex(git, request);
  await packStaged(git, request);
  const excludes = await readFile(join(repository.commonDirectory, "info/exclude")).catch(() => undefined);
  if (excludes !== undefined) {
    await mkdir(join(directory, ".git/info"), { recursive: true });
    await writeFile(join(directory, ".git/info/exclude"), excludes);
  }
}

/** Through upload-pack, which alone can cut a history; the host's HEAD and branch are left as they are. */
async function fetchHistory(git: Git, { repository, directory, mode, branch, signal }: HistoryRequest, commit: string): Promise<void> {
  const upstream = await upstreamOf(git, repository);
  const depth = mode === "shallow" ? [`--depth=${SHALLOW_DEPTH}`] : [];
  // Any commit may be asked for: it is our own repository that answers. Deltas it has are used, new ones are not looked for: that
  // would take longer than the bytes it saves on the channel.
  const source = ["-c", "fetch.unpackLimit=1", "-c", "protocol.file.allow=always"];
  const quiet = [
    "fetch",
    "--quiet",
    "--no-tags",
    "--update-shallow",
    "--no-write-fetch-head",
    "--no-recurse-submodules",
    "--no-auto-maintenance",
    ...depth,
  ];
  const uploadPack = "--upload-pack=git -c uploadpack.allowAnySHA1InWant=true -c pack.window=0 -c pack.compression=1 upload-pack";
  const wanted = [`+${commit}:refs/banger/head`, ...(upstream === undefined ? [] : [`+${upstream}:${upstream}`])];
  await git.run([...source, ...quiet, uploadPack, repository.top, ...wanted], { cwd: directory, signal });
  const here = { cwd: directory, signal };
  if (branch === undefined) await git.run(["update-ref", "--no-deref", "HEAD", commit], here);
  else await git.run(["update-ref", `refs/heads/${branch}`, commit], here);
  await git.run(["update-ref", "-d", "refs/banger/head"], here);
}

/** `refs/remotes/origin/…` that the branch follows, so that `git status` can compare with it. */
export async function upstreamOf(git: Git, { top, branch, originUrl }: Repository): Promise<string | undefined> {
  if (branch === undefined || originUrl === undefined) return undefined;
  const answer = await git.run(["rev-parse", "--symbolic-full-name", "--verify", "--quiet", `${branch}@{upstream}`], {
    cwd: top,
    accept: [1, 128],
  });
  const name = answer.stdout.toString("utf8").trim();
  return answer.status === 0 && name.startsWith("refs/remotes/origin/") ? name : undefined;
}

/** Values that decide what git takes for a change. */
const ADOPTED = [
  "core.autocrlf",
  "core.eol",
  "core.fileMode",
  "core.symlinks",
  "core.ignoreCase",
  "core.checkRoundtripEncoding",
  "i18n.commitEncoding",
] as const;

async function writeConfiguration(git: Git, { repository, directory, branch }: HistoryRequest): Promise<void> {
  const { originUrl, identity, top } = repository;
  const values: (readonly [key: string, value: string])[] = [];
  for (const key of ADOPTED) {
    const answer = await git.run(["config", "--get", key], { cwd: top, accept: [1] });
    if (answer.status === 0) values.push([key, answer.stdout.toString("utf8").replace(/\n$/, "")]);
  }
  if (originUrl !== undefined)
    values.push(["remote.origin.url", originUrl], ["remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*"]);
  const upstream = await upstreamOf(git, repository);
  if (upstream !== undefined && branch !== undefined && branch === repository.branch) {
    values.push([`branch.${branch}.remote`, "origin"], [`branch.${branch}.merge`, upstream.replace("refs/remotes/origin/", "refs/heads/")]);
  }
  if (identity.name !== undefined) values.push(["user.name", identity.name]);
  if (identity.email !== undefined) values.push(["user.email", identity.email]);
  for (const [key, value] of values) await git.run(["config", "--file", ".git/config", key, value], { cwd: directory });
}

export type IndexCopy = Pick<HistoryRequest, "repository" | "directory" | "indexFile" | "signal">;

/** The host's index, so that what is staged, intended or left out there is so in the guest; in the plainest form git has. */
export async function copyIndex(git: Git, { repository, directory, indexFile, signal }: IndexCopy): Promise<void> {
  if ((await stat(indexFile).catch(() => undefined)) === undefined) return;
  const copy = join(directory, ".git/index");
  await copyFile(indexFile, copy);
  const plain = ["-c", "core.splitIndex=false", "-c", "core.untrackedCache=false", "-c", "index.sparse=false"];
  const flags = ["update-index", "--no-split-index", "--no-untracked-cache", "--no-fsmonitor"];
  await git.run([...plain, ...flags], { cwd: repository.top, signal, variables: { GIT_INDEX_FILE: copy } });
}

/** What is staged and in no commit the guest has. */
async function packStaged(git: Git, { repository, directory, commit, index, signal }: HistoryRequest): Promise<void> {
  const committed = new Set<string>();
  if (commit !== undefined) {
    const listed = await git.run(["ls-tree", "-r", "-z", "--full-tree", commit], { cwd: repository.top, signal });
    for (const line of listed.stdout.toString("latin1").split("\0")) committed.add(line.slice(0, line.indexOf("\t")).split(" ")[2] ?? "");
  }
  const staged = [...new Set(index.map(({ id }) => id))].filter((id) => !committed.has(id));
  if (staged.length === 0) return;
  const packs = join(directory, ".git/objects/pack");
  await mkdir(packs, { recursive: true });
  await git.run(["pack-objects", "--quiet", join(packs, "pack")], {
    cwd: repository.top,
    signal,
    input: Buffer.from(`${staged.join("\n")}\n`),
  });
}

/** Where the work tree's index is. */
export function indexFileOf({ gitDirectory }: Pick<Repository, "gitDirectory">): string {
  return join(gitDirectory, "index");
}

export const GIT_DIRECTORY = nameOfText(".git");
