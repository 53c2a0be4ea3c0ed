// The owner's SSH key: banger's own, made on first use, or one the owner names. Its public half goes into guests.
import { link, mkdir, mkdtemp, readFile, rename, rmdir, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { BangerError, programMissing, type Paths } from "@banger/api";
import type { CliDeps } from "../deps.ts";
import { ensureStateDirectory, writingTo } from "./not-writable.ts";
import { findOwnerKey } from "./owner-key-path.ts";

type KeyDeps = Pick<CliDeps, "env" | "home" | "uid" | "childProcess">;

export interface SshKey {
  /** Absolute path of the private key. */
  readonly path: string;
  /** `ssh-ed25519 …`, one line. */
  readonly publicKey: string;
}

/**
 * The owner's key. banger's own is made when missing; two at once end with one. Throws `config.invalid` when the owner's is
 * missing, `host.command_missing` without ssh-keygen, `state.not_writable` without a place for it.
 */
export async function ensureSshKey(deps: KeyDeps, paths: Paths): Promise<SshKey> {
  const { path, isOwn } = await findOwnerKey(deps, paths);
  const known = await readKey(path, deps);
  if (known !== undefined) return known;
  if (!isOwn) throw new BangerError("config.invalid", `ssh_key_path: ${path} does not exist`, { hint: `ssh-keygen -t ed25519 -f ${path}` });
  await ensureStateDirectory(deps, paths);
  await writingTo(dirname(path), () => makeKey(path, deps));
  const made = await readKey(path, deps);
  if (made === undefined) throw new BangerError("state.not_writable", `the SSH key ${path} vanished while it was made`);
  return made;
}

async function readKey(path: string, deps: KeyDeps): Promise<SshKey | undefined> {
  const privateKey = await readIfThere(path);
  if (privateKey === undefined) return undefined;
  const publicKey = (await readIfThere(`${path}.pub`)) ?? (await keygen(["-y", "-f", path], deps));
  return { path, publicKey: publicKey.trim() };
}

async function makeKey(path: string, deps: KeyDeps): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const scratch = await mkdtemp(join(dirname(path), ".new-"));
  const fresh = join(scratch, "key");
  try {
    await keygen(["-q", "-t", "ed25519", "-N", "", "-C", "banger", "-f", fresh], deps);
    // A hard link fails when another banger was faster; its public half is then its business.
    if (await linkIfFree(fresh, path)) await rename(`${fresh}.pub`, `${path}.pub`);
  } finally {
    for (const file of [fresh, `${fresh}.pub`]) await unlink(file).catch(ignoreMissing);
    await rmdir(scratch);
  }
}

async function linkIfFree(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

async function keygen(args: readonly string[], deps: KeyDeps): Promise<string> {
  try {
    return (await promisify(deps.childProcess.execFile)("ssh-keygen", args, { env: deps.env })).stdout;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      throw programMissing("ssh-keygen", error);
    }
    throw new BangerError("host.command_failed", `ssh-keygen failed: ${String((error as { stderr?: string }).stderr ?? error).trim()}`, {
      cause: error,
    });
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new BangerError("state.not_writable", `the SSH key ${path} cannot be read (${code ?? String(error)})`, {
      hint: `ls -l ${path}`,
      cause: error,
    });
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}
