// Which new files of a guest its repository ignores. The host's git decides, from the guest's own .gitignore files, written into
// a directory of ours where nothing else is.
import { mkdir, mkdtempDisposable, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BangerError } from "@banger/api";
import { blobContents } from "./blob-contents.ts";
import type { Git } from "./git.ts";
import { pathBelow } from "./look.ts";
import { bytesOf, nameOfText, shownName, splitNul, type FileName } from "./names.ts";
import type { WorkspaceStore } from "./store.ts";

const IGNORE_FILE = nameOfText(".gitignore");
/** Bytes of one .gitignore, how many of them, and bytes of all. */
const MAX_IGNORE_BYTES = 1024 * 1024;
const MAX_IGNORE_FILES = 20_000;
const MAX_ALL_BYTES = 128 * 1024 * 1024;

export function isIgnoreFile(name: FileName): boolean {
  return name === IGNORE_FILE || name.endsWith(`/${IGNORE_FILE}`);
}

export interface IgnoreQuestion {
  readonly store: WorkspaceStore;
  /** An empty directory of ours. */
  readonly scratch: string;
  /** Ids of the .gitignore files, in the store. */
  readonly ignoreFiles: ReadonlyMap<FileName, string>;
  readonly names: readonly FileName[];
}

/** Those of `names` that are ignored. Names have been checked to be safe. */
export async function ignoredNames(git: Git, { store, scratch, ignoreFiles, names }: IgnoreQuestion): Promise<ReadonlySet<FileName>> {
  if (names.length === 0) return new Set();
  if (ignoreFiles.size > MAX_IGNORE_FILES)
    throw new BangerError("workspace.unsafe", `the guest has more than ${MAX_IGNORE_FILES} .gitignore files`);
  await writeIgnoreFiles(git, { store, scratch, ignoreFiles });
  const input = bytesOf(names.map((name) => `${name}\0`).join(""));
  const options = { cwd: scratch, variables: { ...store.variables, GIT_WORK_TREE: scratch }, input, accept: [1] };
  return new Set(splitNul((await git.run(["check-ignore", "--no-index", "-z", "--stdin"], options)).stdout));
}

export interface PatternQuestion {
  readonly store: WorkspaceStore;
  /** In the manner of a .gitignore at the top. */
  readonly patterns: readonly string[];
  readonly names: Iterable<FileName>;
}

/** Those of `names` that the patterns match, and nothing else has a say. */
export async function matchedNames(git: Git, { store, patterns, names }: PatternQuestion): Promise<ReadonlySet<FileName>> {
  const input = bytesOf([...names].map((name) => `${name}\0`).join(""));
  if (patterns.length === 0 || input.length === 0) return new Set();
  await using scratch = await mkdtempDisposable(join(store.directory, "patterns-"));
  const variables = { ...store.variables, GIT_DIR: join(scratch.path, "git"), GIT_WORK_TREE: join(scratch.path, "tree") };
  await mkdir(variables.GIT_WORK_TREE);
  await git.run(["init", "--quiet", "--bare", "--template=", variables.GIT_DIR], { cwd: scratch.path });
  await mkdir(join(variables.GIT_DIR, "info"), { recursive: true });
  await writeFile(join(variables.GIT_DIR, "info/exclude"), patterns.map((pattern) => `${pattern}\n`).join(""));
  const options = { cwd: variables.GIT_WORK_TREE, variables, input, accept: [1] };
  return new Set(splitNul((await git.run(["check-ignore", "--no-index", "-z", "--stdin"], options)).stdout));
}

async function writeIgnoreFiles(git: Git, { store, scratch, ignoreFiles }: Omit<IgnoreQuestion, "names">): Promise<void> {
  const names = ignoreFiles.keys();
  let left = MAX_ALL_BYTES;
  for await (const pieces of blobContents(git, store, [...ignoreFiles.values()])) {
    const { value: name } = names.next();
    if (name === undefined) return;
    const content = await boundedContent(pieces, name);
    left -= content.length;
    if (left < 0) throw new BangerError("workspace.unsafe", `the .gitignore files in the guest are larger than ${MAX_ALL_BYTES} bytes`);
    const path = pathBelow(scratch, name);
    await mkdir(path.subarray(0, path.lastIndexOf(0x2f)), { recursive: true });
    // A name given twice under different bytes cannot be: the directory was empty.
    await writeFile(path, content, { flag: "wx" });
  }
}

async function boundedContent(pieces: AsyncIterable<Buffer>, name: FileName): Promise<Buffer> {
  const taken: Buffer[] = [];
  let bytes = 0;
  for await (const piece of pieces) {
    bytes += piece.length;
    if (bytes > MAX_IGNORE_BYTES)
      throw new BangerError("workspace.unsafe", `${shownName(name)} in the guest is larger than ${MAX_IGNORE_BYTES} bytes`);
    taken.push(piece);
  }
  return Buffer.concat(taken);
}
