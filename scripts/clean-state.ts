// Ends and removes everything banger made for this user: VMs, daemon, network, images, caches, logs and its ssh key. Its
// config.toml stays: the user wrote it. What is lost with it is named first and, on a terminal, asked about. Works with a dead
// daemon and a broken database too.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { resolvePaths, type KeptVm, type Vm } from "@banger/api";
import { removeTree } from "@banger/host";
import { ask } from "../packages/cli/src/output/ask.ts";
import { benchHome, smokeHome } from "../test/smoke/own-home.ts";
import { removeHome } from "../test/smoke/sweep.ts";
import { endState, isOwnDirectory, ownerOf, type Owner } from "./leftovers.ts";
import { lostDirectories, lostWork } from "./lost-work.ts";

const execute = promisify(execFile);
const BANGER = join(dirname(import.meta.dirname), "build/bin/banger");
const say = (line: string) => console.error(`clean-state: ${line}`);

const uid = process.getuid?.() ?? 0;
const home = process.env["HOME"] || homedir();

async function main(): Promise<void> {
  const owner: Owner = await ownerOf(uid);
  if (!(await clean(process.env, owner, isAgreed))) {
    say("nothing was removed");
    process.exitCode = 1;
    return;
  }
  if (process.env["BANGER_HOME"] !== undefined) return;
  // Where the smoke scenarios and the bench keep theirs.
  for (const other of [smokeHome(uid), benchHome(uid)])
    await removeHome(other, { owner, say }).catch((error: unknown) => {
      say(error instanceof Error ? error.message : String(error));
      process.exitCode = 1;
    });
}

/** False when `agree` refused what would be lost. */
async function clean(env: NodeJS.ProcessEnv, owner: Owner, agree: () => Promise<boolean>): Promise<boolean> {
  const paths = resolvePaths({ uid, home, env });
  const directories = [paths.dataDir, paths.cacheDir, paths.stateDir];
  if (await isOwnDirectory(paths.dataDir, owner)) {
    const banger = async (...args: string[]) => (await execute(BANGER, args, { env, timeout: 180_000 })).stdout;
    const known = existsSync(BANGER) ? await helped(() => whatIsThere(banger)) : undefined;
    const lost = known === undefined ? lostDirectories(await namesIn(paths.vmsDir), await namesIn(paths.keptDir)) : known.lost;
    if (lost.length > 0) say(`this is lost:\n${lost.map((line) => `  ${line}`).join("\n")}`);
    if (lost.length > 0 && !(await agree())) return false;
    if (known !== undefined) await helped(() => endByDaemon(banger, known.names));
    await endState(paths, owner, say);
  }
  for (const directory of directories) await remove(directory);
  return true;
}

type Banger = (...args: string[]) => Promise<string>;

interface Known {
  /** Of the VMs. */
  readonly names: readonly string[];
  readonly lost: readonly string[];
}

/** On a terminal what the user answers; without one nobody is asked. */
async function isAgreed(): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return true;
  const { stdin, stderr } = process;
  const answer = await ask({ stdin, stderr, signals: process }, "clean-state: go on? [y/N] ");
  return /^y(es)?$/i.test(answer ?? "");
}

async function whatIsThere(banger: Banger): Promise<Known> {
  const vms = JSON.parse(await banger("vm", "list", "--json")) as readonly Vm[];
  const rows = JSON.parse(await banger("vm", "workspace", "list", "--json")) as readonly WorkspaceRow[];
  const gone = rows.filter(({ status }) => status === "gone").map((row) => ({ name: row.name, workspaces: [row] }));
  return { names: vms.map(({ name }) => name), lost: lostWork(vms, gone) };
}

type WorkspaceRow = KeptVm["workspaces"][number] & { readonly name: KeptVm["name"]; readonly status: string };

/** The daemon itself undoes most; a new one first cleans up after one that died. What it cannot do is done after it. */
async function endByDaemon(banger: Banger, names: readonly string[]): Promise<void> {
  if (names.length > 0) await banger("vm", "delete", "--discard-changes", ...names);
  await banger("daemon", "stop");
}

async function helped<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    say(`the daemon could not help (${firstLine(error)}); going on without it`);
    return undefined;
  }
}

async function namesIn(directory: string): Promise<readonly string[]> {
  return await readdir(directory).catch(() => []);
}

/** The directory or, when somebody planted a symlink in its place, the link alone. */
async function remove(directory: string): Promise<void> {
  const found = await lstat(directory).catch(() => undefined);
  if (found === undefined) return;
  if (found.uid !== uid) return say(`${directory} belongs to user ${found.uid} and stays`);
  await removeTree(directory, dirname(directory));
  say(found.isSymbolicLink() ? `removed the symlink ${directory}; what it pointed to stays` : `removed ${directory}`);
}

/** What banger said, which is JSON when it was asked for JSON. */
function firstLine(error: unknown): string {
  const text = error instanceof Error && "stderr" in error ? String(error.stderr) : String(error);
  const message = /"message": *"((?:\\.|[^"\\])*)"/.exec(text)?.[1];
  return (message === undefined ? text.trim() : message.replaceAll(/\\n/g, "\n")).split("\n")[0] ?? "";
}

await main();
