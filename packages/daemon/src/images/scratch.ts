// Where an image is built: a directory outside the store, recorded before it is made, removed whatever happens.
// ROOT/banger-ID/ belongs to the daemon; `tmp` (the tree, whose files belong to subordinate ids that must be able to pass
// every directory above it) and `work` (private) to whoever runs the build.
import { chmod, chown, lstat, mkdir, mkdtemp, readdir, readFile, rm, rmdir } from "node:fs/promises";
import { basename, join } from "node:path";
import * as z from "zod";
import { BangerError } from "@banger/api";
import { asUser, hostBootId, isProcessAlive, poll, run, writeFileAtomic, type ProcessIdentity } from "@banger/host";
import { unlessMissing } from "./missing.ts";
import { belongsTo, processesOf, signalGroup } from "./process-group.ts";
import { makeStoreDirectory } from "./stored-file.ts";
import type { BuilderHost } from "./recipe-preflight.ts";

const RECORD = "build.json";
const DEADLINE_MS = 10_000;

const recordSchema = z.object({
  scratch: z.string().regex(/\/banger-[A-Za-z0-9]+$/),
  process: z.optional(z.object({ pid: z.int().min(2), startTicks: z.string(), bootId: z.string() })),
});
type BuildRecord = z.infer<typeof recordSchema>;

/** The directories of one build. */
export class Scratch implements AsyncDisposable {
  readonly #recordDir: string;
  readonly #scratch: string;
  readonly #host: BuilderHost;

  private constructor(recordDir: string, scratch: string, host: BuilderHost) {
    this.#recordDir = recordDir;
    this.#scratch = scratch;
    this.#host = host;
  }

  /** TMPDIR of the build. */
  get tmp(): string {
    return join(this.#scratch, "tmp");
  }

  get work(): string {
    return join(this.#scratch, "work");
  }

  /** Records in `buildsDir` what is about to exist, then makes it. */
  static async make(buildsDir: string, host: BuilderHost): Promise<Scratch> {
    await makeStoreDirectory(buildsDir);
    const recordDir = await mkdtemp(`${buildsDir}/`);
    const made = new Scratch(recordDir, join(host.scratchRoot, `banger-${basename(recordDir)}`), host);
    try {
      await writeRecord(recordDir, { scratch: made.#scratch });
      await mkdir(made.#scratch, { mode: 0o755 });
      await mkdir(made.tmp);
      await mkdir(made.work);
      await chmod(made.#scratch, 0o755);
      await chmod(made.tmp, 0o755);
      await chmod(made.work, 0o700);
      return made;
    } catch (error) {
      await made[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Hands the directories, and what the daemon has put into `work`, to whoever runs the build. */
  async handOver(): Promise<void> {
    const { runAs } = this.#host;
    if (runAs === null) return;
    // The directories last: from then on their owner can change what is in them.
    for (const path of [...(await childrenOf(this.work)), this.work, this.tmp]) await chown(path, runAs.uid, runAs.gid);
  }

  /** Remembers a process of the build, so that a later daemon can end it. */
  async remember(process: ProcessIdentity): Promise<void> {
    await writeRecord(this.#recordDir, { scratch: this.#scratch, process });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await undo(this.#recordDir, this.#scratch, this.#host);
  }
}

/** Told of what could not be cleared away, and why. */
export type ReportLeft = (what: string, error: unknown) => void;

/** Ends and removes what builds of an earlier daemon left. What cannot be removed is told, and keeps its record for the next try. */
export async function removeLeftBuilds(buildsDir: string, host: BuilderHost, report: ReportLeft): Promise<void> {
  await makeStoreDirectory(buildsDir);
  for (const name of (await readdir(buildsDir)).toSorted()) {
    try {
      await removeLeftBuild(join(buildsDir, name), host);
    } catch (error) {
      report(`build ${name}`, error);
    }
  }
}

async function removeLeftBuild(recordDir: string, host: BuilderHost): Promise<void> {
  const record = await readRecord(recordDir);
  if (record?.process !== undefined) await endGroup(record.process, record.scratch);
  await undo(recordDir, record?.scratch, host);
}

/** Ends what a build's program started, also when the program itself has gone: the kernel keeps its number for the group. */
async function endGroup(leader: ProcessIdentity, scratch: string): Promise<void> {
  const left = async () => ((await isGroupOf(leader, scratch)) ? undefined : true);
  if ((await left()) === true) return;
  signalGroup(leader.pid, "SIGKILL");
  await poll(left, { timeoutMs: DEADLINE_MS });
}

async function isGroupOf(leader: ProcessIdentity, scratch: string): Promise<boolean> {
  if (leader.bootId !== hostBootId()) return false;
  if (isProcessAlive(leader)) return true;
  const traces = (await processesOf(leader.pid)).map((pid) => belongsTo(pid, scratch));
  return (await Promise.all(traces)).includes(true);
}

async function undo(recordDir: string, scratch: string | undefined, host: BuilderHost): Promise<void> {
  if (scratch !== undefined) await removeScratch(scratch, host);
  for (const file of await childrenOf(recordDir)) await rm(file, { force: true });
  await rmdir(recordDir);
}

/**
 * Files of the tree belong to subordinate ids and may be unreadable to their owner, so the removal runs where the build ran:
 * as its user and, for the tree, in its namespace. The daemon itself only removes empty directories: it never walks a tree
 * that another user can change. A directory that is not the daemon's own is somebody else's and stays.
 */
async function removeScratch(scratch: string, host: BuilderHost): Promise<void> {
  if ((await ownerOf(scratch)) !== process.getuid?.()) return;
  const tmp = join(scratch, "tmp");
  const work = join(scratch, "work");
  const trees = await childrenOf(tmp);
  if (trees.length > 0) await emptyTrees(trees, host);
  const left = [...trees, ...(await childrenOf(work))];
  if (left.length > 0) await run(asUser(["rm", "-rf", "--", ...left], host.runAs), { cwd: "/", env: host.env });
  for (const directory of [tmp, work, scratch]) {
    if ((await ownerOf(directory)) !== undefined) await rmdir(directory);
  }
}

/**
 * Removes what is inside the trees as far as it belongs to subordinate ids; the rest is their owner's to remove. That find could
 * not enter a directory of the owner's own is no failure: whether all is gone shows in the removal that follows.
 */
async function emptyTrees(trees: readonly string[], host: BuilderHost): Promise<void> {
  const find = ["find", ...trees, "-xdev", "-mindepth", "1", "-delete"];
  try {
    await run(asUser(["mmdebstrap", "--unshare-helper", ...find], host.runAs), { cwd: "/", env: host.env });
  } catch (error) {
    if (!(error instanceof BangerError) || error.code !== "host.command_failed") throw error;
  }
}

async function childrenOf(directory: string): Promise<string[]> {
  return ((await unlessMissing(readdir(directory))) ?? []).map((name) => join(directory, name));
}

/** Uid of a directory's owner; undefined when there is none of that name. */
async function ownerOf(directory: string): Promise<number | undefined> {
  const found = await unlessMissing(lstat(directory));
  return found?.isDirectory() === true ? found.uid : undefined;
}

async function writeRecord(recordDir: string, record: BuildRecord): Promise<void> {
  await writeFileAtomic(join(recordDir, RECORD), JSON.stringify(record));
}

/** Undefined when the daemon died before it wrote one: then nothing else was made. */
async function readRecord(recordDir: string): Promise<BuildRecord | undefined> {
  const text = await unlessMissing(readFile(join(recordDir, RECORD), "utf8"));
  return text === undefined ? undefined : recordSchema.parse(JSON.parse(text));
}
