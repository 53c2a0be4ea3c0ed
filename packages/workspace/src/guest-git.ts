// What a guest's `.git` is on: HEAD, a few refs, what is staged. Read as bytes, parsed here; no git runs on any of it.
import type { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { BangerError, routes } from "@banger/api";
import { readIndexFile } from "@banger/api/guest-index";
import { selectionOf, wasOf } from "@banger/api/guest-tree";
import { blobId } from "./blob-writer.ts";
import type { GuestWorkspace } from "./changes-source.ts";
import { guestTarEntries } from "./copy/tar-entries.ts";
import { indexDigest } from "./index-file.ts";
import { nameOfText, type FileName } from "./names.ts";
import type { GitState } from "./store.ts";

export interface GuestGit extends GitState {
  /** Commits of the branches that were asked for. */
  readonly branches: ReadonlyMap<string, string>;
  /** Commits without their parents. */
  readonly shallow: readonly string[];
  /** What was found of HEAD and the branches' own files (`wasOf`). */
  readonly looked: ReadonlyMap<string, string>;
  /** Something under way there: a lock of the index, a merge, a rebase. */
  readonly busy: string | undefined;
}

const HEAD = ".git/HEAD";
/** Bytes of one of its files; an index of a million entries is about 100 MB. */
const MAX_FILE = 256 * 1024 * 1024;
const BUSY: readonly (readonly [name: string, what: string])[] = [
  [".git/index.lock", "git is at work in the guest, or was cut off: .git/index.lock is there"],
  [".git/MERGE_HEAD", "a merge is under way in the guest"],
  [".git/rebase-merge/head-name", "a rebase is under way in the guest"],
  [".git/rebase-apply/next", "a rebase is under way in the guest"],
  [".git/CHERRY_PICK_HEAD", "a cherry-pick is under way in the guest"],
  [".git/REVERT_HEAD", "a revert is under way in the guest"],
];

/** Throws `workspace.conflict` when there is none, `guest.failed` for what is none. */
export async function readGuestGit(guest: GuestWorkspace, branches: readonly string[]): Promise<GuestGit> {
  const files = await readFiles(guest, [HEAD, ".git/index", ".git/shallow", ".git/packed-refs", ...BUSY.map(([name]) => name)]);
  const text = files.get(HEAD)?.toString("latin1").trim();
  if (text === undefined) throw new BangerError("workspace.conflict", `${guest.vmName} has no git repository in ${guest.path} any more`);
  const branch = /^ref: refs\/heads\/(.+)$/.exec(text)?.[1];
  const names = [...new Set([...branches, ...(branch === undefined ? [] : [utf8(branch)])])];
  const loose = await readFiles(guest, names.map(looseName));
  const refs = branchesIn(names, loose, files.get(".git/packed-refs")?.toString("latin1") ?? "");
  const staged = files.get(".git/index");
  const entries = staged === undefined ? undefined : readIndexFile(staged);
  return {
    head: (branch === undefined ? commitIn(text) : refs.get(utf8(branch))) ?? null,
    branch: branch === undefined ? null : utf8(branch),
    // One that cannot be read is like none that was sent.
    index: staged === undefined ? null : entries === undefined ? "" : indexDigest(entries),
    branches: refs,
    looked: new Map([HEAD, ...names.map(looseName)].map((name) => [name, wasFile(name === HEAD ? files.get(name) : loose.get(name))])),
    shallow:
      files
        .get(".git/shallow")
        ?.toString("latin1")
        .match(/^[0-9a-f]{40}$/gm) ?? [],
    busy: BUSY.find(([name]) => files.has(name))?.[1],
  };
}

function looseName(branch: string): string {
  return `.git/refs/heads/${branch}`;
}

/** Of whatever mode. */
function wasFile(content: Buffer | undefined): string {
  return content === undefined ? wasOf(undefined) : blobId(content);
}

function branchesIn(names: readonly string[], files: ReadonlyMap<string, Buffer>, packed: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const name of names) {
    const loose = commitIn(files.get(looseName(name))?.toString("latin1") ?? "");
    const line = packed
      .split("\n")
      .find((candidate) => candidate.slice(41) === `refs/heads/${Buffer.from(name, "utf8").toString("latin1")}`);
    const commit = loose ?? (line === undefined ? undefined : commitIn(line.slice(0, 40)));
    if (commit !== undefined) found.set(name, commit);
  }
  return found;
}

function commitIn(text: string): string | undefined {
  return /^([0-9a-f]{40})\s*$/.exec(text)?.[1];
}

function utf8(bytes: string): string {
  return Buffer.from(bytes, "latin1").toString("utf8");
}

async function readFiles(guest: GuestWorkspace, texts: readonly string[]): Promise<ReadonlyMap<string, Buffer>> {
  const { client, vmName, path, signal } = guest;
  const names: readonly FileName[] = texts.map(nameOfText);
  const options = signal === undefined ? {} : { signal };
  const source: Readable = await client.bytes(routes.vmFilesSelect, { params: { name: vmName }, body: selectionOf(path, names) }, options);
  const found = new Map<string, Buffer>();
  for await (const { name, size, content } of guestTarEntries(source)) {
    const asked = /^\d{1,3}$/.test(name) ? texts[Number(name)] : undefined;
    if (asked === undefined || size > MAX_FILE) throw new BangerError("guest.failed", "the guest's git files are not what was asked for");
    found.set(asked, await buffer(content));
  }
  return found;
}
