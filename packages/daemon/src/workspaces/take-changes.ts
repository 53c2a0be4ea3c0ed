// Takes what changed in a workspace out of its guest. Files with the stamp they had are not read; of the others the agent tells
// the ids, and only what differs is sent. What the guest's repository ignores stays.
import { rm } from "node:fs/promises";
import { buffer } from "node:stream/consumers";
import type { Readable } from "node:stream";
import { setImmediate as breathe } from "node:timers/promises";
import { BangerError, nameOfText, type FileName } from "@banger/api";
import { trackedNames } from "@banger/api/guest-index";
import { lonelyRefs } from "@banger/api/guest-refs";
import { identifyNames, listTree, type GuestDirectory, type ListedTree } from "@banger/api/guest-tree";
import { abortable } from "@banger/host";
import type { GuestClient, Selection, Stamps } from "../guest/contract.ts";
import { writeChangesTar, type TarBounds } from "./changes-tar.ts";
import { additions, differenceOf, suspects, withStamps } from "./compare.ts";
import { ignoreRules } from "./ignore-rules.ts";
import type { Manifest } from "@banger/api/guest-manifest";
import { selectedFiles } from "./selected-files.ts";

export interface TakeBounds extends TarBounds {
  /** Entries of a listing. */
  readonly entries: number;
  /** Bytes of their names together. */
  readonly nameBytes: number;
}

/** What is kept lies on the host's disk until somebody prunes it. */
export const TAKE_BOUNDS: TakeBounds = {
  entries: 1_000_000,
  nameBytes: 256 * 1024 ** 2,
  files: 200_000,
  fileBytes: 1024 ** 3,
  totalBytes: 2 * 1024 ** 3,
};

/** The calls of a guest that this needs. */
export type TellingGuest = Pick<GuestClient, "tree" | "treeIds" | "selectFiles">;

export interface Taking {
  readonly guest: TellingGuest;
  /** Directory in the guest. */
  readonly guestPath: string;
  readonly manifest: Manifest;
  /** File that gets the changes; removed when there are none. */
  readonly file: string;
  readonly bounds: TakeBounds;
  readonly signal: AbortSignal;
}

export interface Taken {
  /** Changed files. */
  readonly files: number;
  readonly bytes: number;
  /** Directories left out because they are repositories of their own. */
  readonly repositories: readonly FileName[];
}

/** Throws `workspace.unsafe` past a bound and for names that must not be, `guest.failed` and the like for a guest that does not tell. */
export async function takeChanges(taking: Taking): Promise<Taken> {
  const { manifest, file, bounds, signal, guestPath } = taking;
  const directory = directoryOf(taking, "true");
  const { files: listed, repositories: nested } = await listTree(directory, manifest.keys());
  const identified = await identifyNames(directory, suspects(manifest, listed));
  const { added, tracked, repositories } = await withoutIgnored(taking, { listed, nested });
  const difference = differenceOf({ manifest, listed, identified, added });
  if (difference.changed.length + difference.gone.length === 0) {
    await rm(file, { force: true });
    return { files: 0, bytes: 0, repositories };
  }
  const selectFiles = (selection: Selection) => bound(taking.guest.selectFiles(selection), signal);
  return { ...(await writeChangesTar(file, { ...difference, tracked, repositories, selectFiles, guestPath, bounds })), repositories };
}

/** Branches and stashes of the guest with commits that are not among the known ones, and in no file of its work tree. */
export async function takeRefs(asked: Pick<Taking, "guest" | "guestPath" | "signal">, known: Iterable<string>): Promise<readonly string[]> {
  const { guest, guestPath, signal } = asked;
  return await lonelyRefs(
    {
      list: (name) => bound(guest.tree(`${guestPath}/${name}`), signal),
      read: (names, maxBytes) => readFiles(asked, names, maxBytes),
    },
    known,
  );
}

/** The manifest with the stamps its files have now. What a program of the guest has written since it was sent gets none. */
export async function stampedManifest(taking: Omit<Taking, "file">): Promise<Manifest> {
  return withStamps(taking.manifest, (await listTree(directoryOf(taking, "unwritten"), taking.manifest.keys())).files);
}

function directoryOf({ guest, guestPath, bounds, signal }: Omit<Taking, "file">, stamps: Stamps): GuestDirectory {
  return {
    path: guestPath,
    limits: bounds,
    teller: {
      tree: (path) => bound(guest.tree(path, { stamps }), signal),
      treeIds: (selection) => bound(guest.treeIds(selection), signal),
    },
  };
}

/** The answer of a guest, which breaks when the signal aborts. */
async function bound(answer: Promise<Readable>, signal: AbortSignal): Promise<Readable> {
  const stream = await abortable(answer, signal).catch((error: unknown) => {
    // What it answers too late is let go.
    answer.then(
      (late) => late.destroy(),
      () => undefined,
    );
    throw error;
  });
  const stop = () => stream.destroy(signal.reason as Error);
  signal.addEventListener("abort", stop, { once: true });
  stream.once("close", () => signal.removeEventListener("abort", stop));
  return stream;
}

interface Untold {
  readonly listed: ListedTree["files"];
  readonly nested: readonly FileName[];
}

interface Counting {
  readonly added: readonly FileName[];
  /** Those of them that are ignored. */
  readonly tracked: ReadonlySet<FileName>;
  readonly repositories: readonly FileName[];
}

/** Names judged between two breaths of the daemon. */
const BATCH = 50;

async function withoutIgnored(taking: Taking, { listed, nested }: Untold): Promise<Counting> {
  const added = additions(taking.manifest, listed);
  if (added.length + nested.length === 0) return { added, tracked: new Set(), repositories: nested };
  const isIgnored = ignoreRules(await readIgnoreFiles(taking, { listed, names: [...added, ...nested] }));
  const [counted, ignored]: [FileName[], FileName[]] = [[], []];
  try {
    for (const [index, name] of added.entries()) {
      if (index % BATCH === 0) await breathe(undefined, { signal: taking.signal });
      if (isIgnored(name)) ignored.push(name);
      else counted.push(name);
    }
    const repositories = nested.filter((name) => !isIgnored(name, true));
    const tracked = await trackedNames((names, maxBytes) => readFiles(taking, names, maxBytes), ignored);
    return { added: [...counted, ...tracked], tracked, repositories };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new BangerError("workspace.unsafe", error.message, { cause: error });
  }
}

const IGNORE_FILE = ".gitignore";
const EXCLUDES = nameOfText(".git/info/exclude");
/** Bytes of one list of what to ignore, and how many of them. */
const MAX_IGNORE_BYTES = 1024 * 1024;
const MAX_IGNORE_FILES = 20_000;
/** Bytes of all files that are held in memory at once. */
const MAX_READ_BYTES = 128 * 1024 * 1024;

/** The .gitignore files above the names, and the repository's own list. */
async function readIgnoreFiles(
  taking: Taking,
  { listed, names }: { readonly listed: ListedTree["files"]; readonly names: readonly FileName[] },
) {
  const wanted = [...directoriesOf(names)].map(ignoreFileIn).filter((file) => listed.get(file)?.type === "file");
  if (wanted.length > MAX_IGNORE_FILES)
    throw new BangerError("workspace.unsafe", `the guest has more than ${MAX_IGNORE_FILES} .gitignore files`);
  const contents = await readFiles(taking, [...wanted, EXCLUDES], MAX_IGNORE_BYTES);
  const excludes = contents.get(EXCLUDES)?.toString("latin1") ?? "";
  contents.delete(EXCLUDES);
  const byDirectory = new Map(
    [...contents].map(([name, bytes]) => [name.slice(0, Math.max(0, name.length - IGNORE_FILE.length - 1)), bytes.toString("latin1")]),
  );
  return { byDirectory, excludes };
}

/** All above the names, `""` first; each is gone through once, however many names are in it. */
function directoriesOf(names: readonly FileName[]): ReadonlySet<string> {
  const directories = new Set([""]);
  for (const name of names) {
    for (let at = name.lastIndexOf("/"); at > 0; at = name.lastIndexOf("/", at - 1)) {
      const directory = name.slice(0, at);
      if (directories.has(directory)) break;
      directories.add(directory);
    }
  }
  return directories;
}

function ignoreFileIn(directory: string): FileName {
  return (directory === "" ? IGNORE_FILE : `${directory}/${IGNORE_FILE}`) as FileName;
}

/** Git does not follow a link at any of them. */
async function readFiles(
  { guest, guestPath, signal }: Pick<Taking, "guest" | "guestPath" | "signal">,
  names: readonly FileName[],
  maxBytes: number,
): Promise<Map<FileName, Buffer>> {
  const contents = new Map<FileName, Buffer>();
  let left = MAX_READ_BYTES;
  const selectFiles = (selection: Selection) => bound(guest.selectFiles(selection), signal);
  for await (const { name, isLink, size, content } of selectedFiles({ selectFiles, guestPath, names, maxBytes })) {
    left -= size;
    if (left < 0) throw new BangerError("workspace.unsafe", `what tells of changes in the guest is larger than ${MAX_READ_BYTES} bytes`);
    const bytes = await buffer(content);
    if (!isLink) contents.set(name, bytes);
  }
  return contents;
}
