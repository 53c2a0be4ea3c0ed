// What samples amount to. Pure.
import type { Row, Sample } from "./row.ts";

export interface Measured extends Pick<Row, "name" | "what" | "over" | "unit" | "target"> {
  readonly samples: readonly Sample[];
  /** Why there are none, or not all. */
  readonly trouble?: string;
}

export interface Summary {
  readonly min: number;
  readonly median: number;
  readonly floorMedian: number | null;
  /** The median of what each sample's value is to its floor, as the target's kind says: rounds differ, neighbours less so. */
  readonly score: number;
  readonly isMet: boolean;
}

/** Undefined without samples. */
export function summaryOf({ samples, target }: Measured): Summary | undefined {
  if (samples.length === 0) return undefined;
  const values = samples.map(({ value }) => value);
  const floors = samples.flatMap(({ floor }) => (floor === null ? [] : [floor]));
  const score = median(samples.map((sample) => scoreOf(sample, target.kind)));
  return {
    min: Math.min(...values),
    median: median(values),
    floorMedian: floors.length === 0 ? null : median(floors),
    score,
    isMet: score <= target.limit,
  };
}

export function scoreOf({ value, floor }: Sample, kind: Row["target"]["kind"]): number {
  if (kind === "ratio") return value / (floor ?? Number.NaN);
  return kind === "over" ? value - (floor ?? 0) : value;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** The table that a run ends with. */
export function table(measured: readonly Measured[]): string {
  const header = ["", "min", "median", "floor", "score", "target", ""];
  const lines = [header, ...measured.map(lineOf)];
  const widths = header.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const pad = (cell: string, column: number) =>
    column === 0 || column > 5 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0);
  return lines.map((line) => line.map(pad).join("  ").trimEnd()).join("\n");
}

function lineOf(row: Measured): string[] {
  const summary = summaryOf(row);
  const target = `<= ${scoreText(row.target.limit, row)}`;
  if (summary === undefined) return [row.name, "-", "-", "-", "-", target, row.trouble ?? "not measured"];
  const amount = (value: number | null) => (value === null ? "-" : `${value.toFixed(value < 10 ? 1 : 0)} ${row.unit}`);
  return [
    row.name,
    amount(summary.min),
    amount(summary.median),
    amount(summary.floorMedian),
    scoreText(summary.score, row),
    target,
    verdictOf(row, summary),
  ];
}

/** Whether a row that has samples meets its target, and why it has not all of them. */
export function verdictOf({ trouble }: Measured, { isMet }: Summary): string {
  return `${isMet ? "met" : "missed"}${trouble === undefined ? "" : `; ${trouble}`}`;
}

/** A score as its kind reads: `1.13`, `+12 ms`, `93 MB`. */
export function scoreText(score: number, { target, unit }: Pick<Row, "target" | "unit">): string {
  if (target.kind === "ratio") return score.toFixed(2);
  const whole = Math.round(score);
  return `${target.kind === "over" && whole >= 0 ? "+" : ""}${whole} ${unit}`;
}
