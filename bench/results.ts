// Results as they are kept: one small JSON file a run.
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Machine } from "./machine.ts";
import type { Revision } from "./revision.ts";
import type { Measured } from "./summary.ts";

export interface Result {
  /** ISO 8601, UTC. */
  readonly date: string;
  readonly revision: Revision;
  /** Asked for; a row with fewer tells why. */
  readonly rounds: number;
  readonly machine: Machine;
  readonly rows: readonly Measured[];
}

/** Writes DATE.json and answers its path. */
export async function keepResult(directory: string, result: Result): Promise<string> {
  await mkdir(directory, { recursive: true });
  const path = join(directory, `${result.date.slice(0, 19).replaceAll(":", "-")}.json`);
  await writeFile(path, `${JSON.stringify(rounded(result), null, 1)}\n`);
  return path;
}

/** All results kept, oldest first. */
export async function keptResults(directory: string): Promise<readonly Result[]> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  const files = names.filter((name) => name.endsWith(".json")).toSorted();
  return Promise.all(files.map(async (name) => JSON.parse(await readFile(join(directory, name), "utf8")) as Result));
}

/** A tenth of a unit is more than a measurement means. */
function rounded(result: Result): Result {
  const round = (value: number) => Math.round(value * 10) / 10;
  const rows = result.rows.map((row) => ({
    ...row,
    samples: row.samples.map(({ value, floor }) => ({ value: round(value), floor: floor === null ? null : round(floor) })),
  }));
  return { ...result, rows };
}
