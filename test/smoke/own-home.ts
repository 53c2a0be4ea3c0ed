// The directory that a banger of a test's own lives in, and who may use it: its name can be guessed, so somebody else may have
// been there first, and two runs in it would take each other's VMs away.
import { chmod, lstat, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { findHolder, isOwnDirectory, type Owner } from "../../scripts/leftovers.ts";

/** Held for as long as a run uses the directory; SQLite keeps a journal beside it. */
export const LOCK = "runner.lock";

/** Where a user's smoke runs live unless they say. */
export function smokeHome(uid: number): string {
  return `/var/tmp/banger-smoke-${uid}`;
}

/** Where a user's bench runs live. */
export function benchHome(uid: number): string {
  return `/var/tmp/banger-bench-${uid}`;
}

/** Makes the directory where it is missing. Throws unless it is a real one, and the owner's. */
export async function makeHome(home: string, owner: Owner): Promise<void> {
  await mkdir(home, { recursive: true, mode: 0o711 });
  if (!(await isOwnDirectory(home, owner))) throw new Error(`${home} is not a directory of user ${owner.uid}: it is left as it is`);
  await chmod(home, 0o711);
}

/** The home, which nobody else has meanwhile; the kernel frees it when the process ends. Throws naming who has it. */
export async function claimHome(home: string, owner: Owner): Promise<Disposable> {
  await makeHome(home, owner);
  const database = new DatabaseSync(join(home, LOCK));
  try {
    database.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE;");
  } catch (cause) {
    database.close();
    if (!/locked|busy/i.test(String(cause))) throw cause;
    const holder = await findHolder(join(home, LOCK), owner);
    const who = holder === undefined ? "another process" : `process ${holder.pid}`;
    throw new Error(`${home} is in use by ${who}; let it end, or name another directory with --state`, { cause });
  }
  return { [Symbol.dispose]: () => database.close() };
}

export async function isThere(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined)) !== undefined;
}
