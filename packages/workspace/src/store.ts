// What is kept on the host of a workspace in a VM: which repository it came from, and a bare object store that borrows the
// repository's objects and adds what was sent besides. It belongs to the user; nothing in the repository changes.
import { mkdir, mkdtempDisposable, open, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { BangerError } from "@banger/api";
import { manifestBytes, parseManifest, type Manifest } from "@banger/api/guest-manifest";
import * as z from "zod/mini";
import type { Git } from "./git.ts";
import { bytesOf, splitNul, type FileName } from "./names.ts";
import type { SentFile } from "./send-files.ts";

/** What the guest's files held when they were last looked at, beside the tree of it. */
const STAMPED = "seen-files";
/** Directory of one file a VM name, beside those of the workspaces. */
export const NAMES = ".by-name";

const objectId = z.string().check(z.regex(/^[0-9a-f]{40}$/));

/** What a guest's git is on. */
const gitStateSchema = z.object({
  /** Commit it is on; null before the first one. */
  head: z.nullable(z.string()),
  /** Null when HEAD is detached. */
  branch: z.nullable(z.string()),
  /** Digest of what is in the index; null for none. */
  index: z.nullable(z.string()),
});
export type GitState = z.infer<typeof gitStateSchema>;

const branchPullSchema = z.object({
  name: z.string(),
  /** Where the branch was left. */
  commit: objectId,
  /** The guest's files then, with what was sent since: what its next changes are told from. */
  tree: objectId,
  /** The same in git's own form. */
  cleanTree: objectId,
});
export type BranchPull = z.infer<typeof branchPullSchema>;

const recordSchema = z.object({
  version: z.literal(1),
  vmId: z.string().check(z.regex(/^[A-Za-z0-9_-]{1,64}$/)),
  vmName: z.string(),
  /** Socket of the daemon that has the VM. */
  socket: z.string(),
  /** Top of the work tree on the host. */
  top: z.string(),
  guestPath: z.string(),
  /** Commit the copy was made on; null before the first one. */
  head: z.nullable(z.string()),
  branch: z.nullable(z.string()),
  /** Tree of what was sent. */
  baseTree: objectId,
  /** The same in git's own form, where filters make the files of a work tree; absent when that is no different. */
  cleanTree: z.optional(objectId),
  copiedAt: z.string(),
  /** How the copy was asked for, so that it can be made again. */
  includeUntracked: z.optional(z.boolean()),
  from: z.optional(z.string()),
  /** Whether the guest's branch is one of its own (`--branch`). */
  hasOwnBranch: z.optional(z.boolean()),
  mode: z.optional(z.enum(["shallow", "full"])),
  /** Digest of the index that was sent; null for none. */
  index: z.optional(z.nullable(z.string())),
  /** Commits that the guest has without their parents. */
  shallow: z.optional(z.array(objectId)),
  /** Branches that were sent, and the commits they were left at. */
  branches: z.optional(z.record(z.string(), objectId)),
  /** The guest's files when they last came into the work tree, with what was sent since. */
  pulledTree: z.optional(objectId),
  /** The branch of the repository that the guest's changes went to. */
  branchPull: z.optional(branchPullSchema),
  /** A pull onto a branch that was begun and not finished. */
  branchAttempt: z.optional(branchPullSchema),
  /** What of the guest's files has come back, whichever way, with what was sent since: what differs from it is not taken yet. */
  takenTree: z.optional(objectId),
  /** Copies that were begun and not finished. */
  attempts: z.optional(z.array(z.object({ tree: objectId, git: gitStateSchema }))),
});
export type WorkspaceRecord = z.infer<typeof recordSchema>;

const journalSchema = z.object({
  /** Tells the files it makes on the way from others'. */
  token: z.string().check(z.regex(/^[0-9a-f]{8,32}$/)),
  /** The work tree's files before, what they become, and the guest's. */
  ours: objectId,
  result: objectId,
  theirs: objectId,
  /** Commit that keeps the work tree as it was: the repository that has it is the one the pull began in. */
  safety: objectId,
  /** Lines for `git update-index --index-info`, one character a byte. */
  unmerged: z.array(z.string()),
});
export type PullJournal = z.infer<typeof journalSchema>;

export class WorkspaceStore {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  /** Directory that git takes for a repository. */
  get gitDirectory(): string {
    return join(this.directory, "store");
  }

  get objects(): string {
    return join(this.gitDirectory, "objects");
  }

  /** Variables that make git work in the store, whatever its user has configured. */
  get variables(): Readonly<Record<string, string>> {
    return { GIT_DIR: this.gitDirectory, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1", GIT_ATTR_NOSYSTEM: "1" };
  }

  /** Names and what they hold in a tree of the store. */
  async readTree(git: Git, tree: string): Promise<ReadonlyMap<FileName, { readonly mode: string; readonly id: string }>> {
    const listed = await git.run(["ls-tree", "-r", "-z", "--full-tree", tree], { cwd: this.directory, variables: this.variables });
    const entries = splitNul(listed.stdout).map((line) => {
      const tab = line.indexOf("\t");
      const [mode = "", , id = ""] = line.slice(0, tab).split(" ");
      return [line.slice(tab + 1) as FileName, { mode, id }] as const;
    });
    return new Map(entries);
  }

  /** Made empty, borrowing from the directory of objects `lender`. */
  async create(git: Git, lender: string): Promise<void> {
    await mkdir(this.gitDirectory, { recursive: true, mode: 0o700 });
    await git.run(["init", "--quiet", "--bare", "--template=", this.gitDirectory], { cwd: this.directory });
    await mkdir(join(this.objects, "info"), { recursive: true });
    await writeFile(join(this.objects, "info/alternates"), `${quotedAlternate(lender)}\n`);
  }

  /** The repository's own list of what to ignore is the store's. */
  async adoptExcludes(commonDirectory: string): Promise<void> {
    const excludes = await readFile(join(commonDirectory, "info/exclude")).catch(() => undefined);
    if (excludes === undefined) return;
    await mkdir(join(this.gitDirectory, "info"), { recursive: true });
    await writeFile(join(this.gitDirectory, "info/exclude"), excludes);
  }

  /** The tree of these files, whose contents the store can reach. */
  async writeTree(git: Git, files: readonly SentFile[]): Promise<string> {
    return await this.changeTree(
      git,
      undefined,
      files.map((file) => ({ ...file })),
    );
  }

  /** The tree that comes of `tree` by setting and, where there is no id, removing names. */
  async changeTree(git: Git, tree: string | undefined, changes: readonly TreeChange[]): Promise<string> {
    await using scratch = await mkdtempDisposable(join(this.directory, "index-"));
    const here = { cwd: this.directory, variables: { ...this.variables, GIT_INDEX_FILE: join(scratch.path, "index") } };
    await git.run(tree === undefined ? ["read-tree", "--empty"] : ["read-tree", tree], here);
    // Removals first: a file may take the place of a directory.
    const ordered = [...changes.filter(({ id }) => id === undefined), ...changes.filter(({ id }) => id !== undefined)];
    const lines = ordered.map(({ name, mode, id }) => (id === undefined ? `0 ${"0".repeat(40)}\t${name}\0` : `${mode} ${id}\t${name}\0`));
    await git.run(["update-index", "--replace", "-z", "--index-info"], { ...here, input: bytesOf(lines.join("")) });
    return await git.text(["write-tree"], here);
  }

  async saveRecord(record: WorkspaceRecord): Promise<void> {
    await this.#save("record.json", record);
    // Found by name in one small read, by whoever only wants to know where the workspace is.
    const { vmId, vmName, socket, top, guestPath, head } = record;
    await mkdir(join(this.directory, "..", NAMES), { recursive: true, mode: 0o700 });
    await this.#save(join("..", NAMES, `${vmName}.json`), { vmId, socket, top, guestPath, head });
  }

  /** Undefined when no workspace is recorded. */
  async record(): Promise<WorkspaceRecord | undefined> {
    const value = await this.#saved("record.json");
    return value === undefined ? undefined : recordSchema.parse(value);
  }

  /** The guest's files when they were last looked at: contents that need not be fetched again. */
  async saveSeen(tree: string): Promise<void> {
    await this.#save("seen.json", tree);
  }

  async seen(): Promise<string | undefined> {
    const parsed = objectId.safeParse(await this.#saved("seen.json"));
    return parsed.success ? parsed.data : undefined;
  }

  /** What those files hold, by the stamps they had. */
  async saveStamped(files: Manifest): Promise<void> {
    await this.#write(STAMPED, manifestBytes(files));
  }

  /** Undefined when it was never looked at the files, or that was not written whole. */
  async stamped(): Promise<Manifest | undefined> {
    const bytes = await readFile(join(this.directory, STAMPED)).catch(nothingThere);
    if (bytes === undefined) return undefined;
    return await parseManifest(Readable.from([bytes])).catch((error: unknown) => {
      if (error instanceof BangerError && error.code === "api.bad_request") return undefined;
      throw error;
    });
  }

  /** What a pull into the work tree is about to write, so that one that was killed can be finished. */
  async saveJournal(journal: PullJournal | undefined): Promise<void> {
    if (journal === undefined) await rm(join(this.directory, "pull.json"), { force: true });
    else await this.#save("pull.json", journal);
  }

  async journal(): Promise<PullJournal | undefined> {
    const value = await this.#saved("pull.json");
    return value === undefined ? undefined : journalSchema.parse(value);
  }

  async #save(name: string, value: unknown): Promise<void> {
    await this.#write(name, [`${JSON.stringify(value, null, 2)}\n`]);
  }

  /** Whole or not at all. */
  async #write(name: string, chunks: Iterable<string | Uint8Array>): Promise<void> {
    const path = join(this.directory, name);
    const unfinished = `${path}.${process.pid}.new`;
    await using file = await open(unfinished, "w", 0o600);
    for (const chunk of chunks) await file.writeFile(chunk);
    await file.sync();
    await rename(unfinished, path);
  }

  async #saved(name: string): Promise<unknown> {
    const bytes = await readFile(join(this.directory, name)).catch(nothingThere);
    return bytes === undefined ? undefined : JSON.parse(bytes.toString("utf8"));
  }

  /** Forgets the workspace. */
  async remove(): Promise<void> {
    if ((await stat(this.directory).catch(() => undefined)) === undefined) return;
    // What a temporary directory holds goes with it.
    await using grave = await mkdtempDisposable(`${this.directory}.gone-`);
    await rename(this.directory, join(grave.path, "store"));
  }
}

export interface TreeChange {
  readonly name: string;
  readonly mode: string;
  /** Undefined removes the name. */
  readonly id: string | undefined;
}

function nothingThere(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
}

/** Lines of `alternates` that begin with a quote are C strings. */
function quotedAlternate(path: string): string {
  return /^["#]|\n/.test(path) ? JSON.stringify(path) : path;
}
