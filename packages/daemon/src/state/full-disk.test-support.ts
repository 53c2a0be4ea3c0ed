// What reserve.test.ts runs in a process of its own, on a file system of a few MiB: each part fills it first, and says what it
// saw then as a line of JSON.
import { randomBytes } from "node:crypto";
import { closeSync, openSync, rmSync, statfsSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { acquireDaemonLock, openState } from "./database.ts";
import { Journal } from "./journal.ts";
import { Reserve, RESERVE_BYTES } from "./reserve.ts";

/** A daemon of twenty VMs on which the disk fills up; then it is killed. */
export async function fillUnderDaemon(dataDir: string): Promise<void> {
  const space = reserveOf(dataDir);
  const journal = new Journal(openState(dataDir, space), space);
  await space.refill();
  const detail = "x".repeat(3000);
  const acquire = (vmId: string) => journal.acquire(vmId, "directory", () => Promise.resolve(detail));
  for (let vm = 0; vm < 20; vm += 1) await acquire(`vm${vm}`);
  const freeBytes = fill(dataDir, "first");
  const begun = await acquire("new").then(
    () => "done",
    (error: { readonly code?: string }) => error.code,
  );
  for (let vm = 0; vm < 15; vm += 1) await journal.release(`vm${vm}`, "directory", () => Promise.resolve());
  say({ freeBytes, begun, left: journal.holders().length, spent: statSync(space.file).size < RESERVE_BYTES });
  process.kill(process.pid, "SIGKILL");
}

/** The next daemon: it finds no index of the log, as after a restart of the host, and nothing free to make one. */
export async function startOnFullDisk(dataDir: string): Promise<void> {
  rmSync(join(dataDir, "state.db-shm"));
  const freeBytes = fill(dataDir, "second");
  const space = reserveOf(dataDir);
  using lock = space.spend(() => acquireDaemonLock(dataDir));
  const journal = new Journal(openState(dataDir, space), space);
  const found = journal.holders();
  for (const holder of found) await journal.release(holder, "directory", () => Promise.resolve());
  say({ freeBytes, hasLock: lock !== undefined, found, left: journal.holders() });
}

function reserveOf(dataDir: string): Reserve {
  return new Reserve({ dataDir, randomBytes, report: (error) => say({ error: String(error) }), freeBytes: () => Promise.resolve(2 ** 40) });
}

/** Answers the bytes that are left. */
function fill(directory: string, name: string): number {
  const file = openSync(join(directory, name), "a");
  try {
    for (;;) writeSync(file, Buffer.alloc(4096, 1));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  } finally {
    closeSync(file);
  }
  return statfsSync(directory).bavail;
}

function say(facts: object): void {
  process.stdout.write(`${JSON.stringify(facts)}\n`);
}
