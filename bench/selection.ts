// Which rows to measure and how often, from what was typed. Pure.
import type { Row } from "./row.ts";

/** What was typed cannot be meant. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

export interface Wanted {
  /** Names, separated by commas; undefined for all. */
  readonly only: string | undefined;
  readonly isQuick: boolean;
}

type Choosable = Pick<Row, "name" | "isLong">;

/** In the order of `rows`. Named rows are measured also where they are long. */
export function selectRows<R extends Choosable>(rows: readonly R[], { only, isQuick }: Wanted): readonly R[] {
  if (only === undefined) return rows.filter((row) => !isQuick || row.isLong !== true);
  const names = only.split(",").filter((name) => name !== "");
  const unknown = names.find((name) => !rows.some((row) => row.name === name));
  if (unknown !== undefined || names.length === 0)
    throw new UsageError(`there is no row ${JSON.stringify(unknown ?? only)}: ${rows.map(({ name }) => name).join(", ")}`);
  return rows.filter(({ name }) => names.includes(name));
}

export function roundsOf(text: string): number {
  const rounds = Number(text);
  if (!Number.isInteger(rounds) || rounds < 1) throw new UsageError(`--rounds takes a whole number from 1, not ${JSON.stringify(text)}`);
  return rounds;
}
