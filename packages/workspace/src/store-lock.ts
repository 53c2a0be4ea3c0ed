// One banger at a time works on the workspace of a VM. The lock is an exclusive transaction of SQLite: the kernel ends it with the
// process, whichever way that goes, and it holds between processes as within one.
import { mkdir, stat, unlink, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout } from "node:timers/promises";

export interface StoreLock extends Disposable {
  /** Removes its file; who waits for it makes a new one. */
  forget(): Promise<void>;
}

export interface Waiting {
  /** Called once, when it is held for longer than a moment. */
  readonly onWait?: (() => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

const POLL_MS = 50;
const MOMENT_MS = 1000;

export async function lockStore(path: string, { onWait, signal }: Waiting = {}): Promise<StoreLock> {
  const began = performance.now();
  let isTold = false;
  for (;;) {
    const lock = await tryLockStore(path);
    if (lock !== undefined) return lock;
    if (!isTold && performance.now() - began >= MOMENT_MS) {
      isTold = true;
      onWait?.();
    }
    await setTimeout(POLL_MS, undefined, signal === undefined ? {} : { signal });
  }
}

/** Undefined when somebody has it. */
export async function tryLockStore(path: string): Promise<StoreLock | undefined> {
  const before = await madeInode(path);
  const database = new DatabaseSync(path, { timeout: 0 });
  // A file that was forgotten since it was opened is nobody's lock.
  if (begin(database) && before !== undefined && (await inode(path)) === before)
    return { forget: () => unlink(path), [Symbol.dispose]: () => database.close() };
  database.close();
  return undefined;
}

function begin(database: DatabaseSync): boolean {
  try {
    // Nothing is written, and no journal must lie beside it.
    database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    return true;
  } catch (error) {
    if ((error as { readonly errcode?: number }).errcode === SQLITE_BUSY) return false;
    database.close();
    throw error;
  }
}

/** https://sqlite.org/rescode.html#busy */
const SQLITE_BUSY = 5;

/** Never opened when it is there: closing any descriptor of it would end the locks this process has on it, see fcntl(2). */
async function madeInode(path: string): Promise<bigint | undefined> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFile(path, "", { flag: "wx", mode: 0o600 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
  return await inode(path);
}

async function inode(path: string): Promise<bigint | undefined> {
  return (await stat(path, { bigint: true }).catch(() => undefined))?.ino;
}
