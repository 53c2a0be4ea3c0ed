// Ends and removes everything banger made for this user: VMs, daemon, network, images, caches, logs and its ssh key. Its
// config.toml stays: the user wrote it. Works with a dead daemon and a broken database too.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { lstat } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { resolvePaths, type Paths } from "@banger/api";
import { removeTree, type RunAs } from "@banger/host";
import { vmUser } from "../packages/daemon/src/vm-user.ts";
import { endDaemon, endLeftovers, findDaemon, type Owner } from "./leftovers.ts";

const execute = promisify(execFile);
const BANGER = join(dirname(import.meta.dirname), "build/bin/banger");
const say = (line: string) => console.error(`clean-state: ${line}`);

const uid = process.getuid?.() ?? 0;
const home = process.env["HOME"] || homedir();

async function main(): Promise<void> {
  const owner: Owner = { uid, runAs: await runAsIfAny() };
  await clean(process.env, owner);
  if (process.env["BANGER_HOME"] !== undefined) return;
  // Where the smoke scenarios keep theirs.
  const smokeHome = `/var/tmp/banger-smoke-${uid}`;
  if (await isOwnDirectory(smokeHome)) {
    await clean({ ...process.env, BANGER_HOME: smokeHome }, owner);
    await remove(smokeHome);
  }
}

async function clean(env: NodeJS.ProcessEnv, owner: Owner): Promise<void> {
  const paths = resolvePaths({ uid, home, env });
  const directories = [paths.dataDir, paths.cacheDir, paths.stateDir];
  if (await isOwnDirectory(paths.dataDir)) {
    await askDaemon(env);
    await endWithoutDaemon(paths, owner);
  }
  for (const directory of directories) await remove(directory);
}

/** The daemon itself undoes most; a new one first cleans up after one that died. What it cannot do is done after it. */
async function askDaemon(env: NodeJS.ProcessEnv): Promise<void> {
  if (!existsSync(BANGER)) return;
  const banger = async (...args: string[]) => (await execute(BANGER, args, { env, timeout: 180_000 })).stdout;
  try {
    const names = (JSON.parse(await banger("vm", "list", "--json")) as readonly { readonly name: string }[]).map((vm) => vm.name);
    if (names.length > 0) {
      say(`deleting VMs: ${names.join(", ")}`);
      await banger("vm", "delete", "--discard-changes", ...names);
    }
    await banger("daemon", "stop");
  } catch (error) {
    say(`the daemon could not help (${firstLine(error)}); going on without it`);
  }
}

async function endWithoutDaemon(paths: Paths, owner: Owner): Promise<void> {
  const daemon = await findDaemon(paths, owner);
  if (daemon !== undefined) await endDaemon(daemon);
  await endLeftovers(paths, owner, say);
}

/** The directory or, when somebody planted a symlink in its place, the link alone. */
async function remove(directory: string): Promise<void> {
  const found = await lstat(directory).catch(() => undefined);
  if (found === undefined) return;
  if (found.uid !== uid) return say(`${directory} belongs to user ${found.uid} and stays`);
  await removeTree(directory, dirname(directory));
  say(found.isSymbolicLink() ? `removed the symlink ${directory}; what it pointed to stays` : `removed ${directory}`);
}

/** Not a symlink, and nobody else's: only then is what lies below it taken for banger's. */
async function isOwnDirectory(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  return found !== undefined && found.isDirectory() && found.uid === uid;
}

/** Without the user there is nothing that runs as it. */
async function runAsIfAny(): Promise<RunAs | null> {
  return vmUser(uid, "/").catch(() => null);
}

/** What banger said, which is JSON when it was asked for JSON. */
function firstLine(error: unknown): string {
  const text = error instanceof Error && "stderr" in error ? String(error.stderr) : String(error);
  const message = /"message": *"((?:\\.|[^"\\])*)"/.exec(text)?.[1];
  return (message === undefined ? text.trim() : message.replaceAll(/\\n/g, "\n")).split("\n")[0] ?? "";
}

await main();
