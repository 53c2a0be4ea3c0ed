// The daemon's SQLite databases. state.db is the truth about intent; lock.db is held exclusively for life, so that one
// state directory has one daemon, whatever way the former one died.
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { BangerError } from "@banger/api";
import type { Space } from "./reserve.ts";

/** Numbered, forward-only. A migration that has landed is never edited; the next one mends it. */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE vms (
     id TEXT PRIMARY KEY,
     name TEXT NOT NULL UNIQUE,
     address TEXT UNIQUE,
     record TEXT NOT NULL
   ) STRICT;
   CREATE TABLE resources (
     vm_id TEXT NOT NULL,
     kind TEXT NOT NULL,
     state TEXT NOT NULL CHECK (state IN ('intended', 'acquired')),
     detail TEXT NOT NULL,
     PRIMARY KEY (vm_id, kind)
   ) STRICT, WITHOUT ROWID;`,
];

/**
 * Opens and, where needed, migrates state.db in `dataDir`, out of the reserve when the disk is full: only a daemon that runs can
 * make room. Throws `state.too_new` when a newer banger wrote it, `state.corrupt`.
 */
export function openState(dataDir: string, reserve: Space): DatabaseSync {
  const file = join(dataDir, "state.db");
  try {
    return reserve.spend(() => openMigrated(dataDir, file));
  } catch (cause) {
    const words = cause instanceof Error ? cause.message : String(cause);
    if (!/not a database|malformed/i.test(words)) throw cause;
    throw new BangerError("state.corrupt", `${file} is damaged (${words})`, {
      hint: "put a copy of it back, or end and remove everything with make clean-state",
      cause,
    });
  }
}

function openMigrated(dataDir: string, file: string): DatabaseSync {
  const database = new DatabaseSync(file);
  try {
    migrate(database, dataDir);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function migrate(database: DatabaseSync, dataDir: string): void {
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000;");
  const version = Number(database.prepare("PRAGMA user_version").get()?.["user_version"] ?? 0);
  if (version > MIGRATIONS.length) {
    throw new BangerError(
      "state.too_new",
      `the state in ${dataDir} was written by a newer banger (format ${version}, this one knows ${MIGRATIONS.length})`,
      {
        hint: "use the newer banger, or move the directory away",
      },
    );
  }
  for (const [index, migration] of MIGRATIONS.entries()) {
    if (index < version) continue;
    transaction(database, () => {
      database.exec(migration);
      database.exec(`PRAGMA user_version = ${index + 1}`);
    });
  }
}

/** Runs `work` in one transaction: all of it or none. */
export function transaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec("BEGIN IMMEDIATE");
  try {
    const result = work();
    database.exec("COMMIT");
    return result;
  } catch (error) {
    // A full disk makes SQLite roll back by itself; a second one would hide why.
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

/** The lock of `dataDir`, or undefined when another daemon holds it. Freed by the kernel when the process ends. */
export function acquireDaemonLock(dataDir: string): Disposable | undefined {
  const database = new DatabaseSync(join(dataDir, "lock.db"));
  try {
    database.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE;");
  } catch (error) {
    database.close();
    if (/locked|busy/i.test(String(error))) return undefined;
    throw error;
  }
  return { [Symbol.dispose]: () => database.close() };
}
