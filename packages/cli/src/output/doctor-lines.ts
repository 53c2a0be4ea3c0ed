// The report of `doctor`: a line a check, what to type below those that failed, the sum at the end.
import type { CheckResult, DoctorReport } from "@banger/api";
import type { Paint, Style } from "./output.ts";

const MARKS = {
  ok: ["✓", "green"],
  warning: ["!", "yellow"],
  failed: ["✗", "red"],
  skipped: ["-", "dim"],
} as const satisfies Readonly<Record<CheckResult["status"], readonly [string, Style]>>;

export function doctorLines(report: DoctorReport, paint: Paint): string {
  const width = Math.max(17, ...report.checks.map(({ id }) => id.length));
  const indent = " ".repeat(width + 3);
  const lines = report.checks.flatMap((check) => {
    const [mark, style] = MARKS[check.status];
    const summary = check.summary.replaceAll("\n", `\n${indent}`);
    const fix = check.fix === undefined ? [] : [`${indent}fix: ${check.fix.replaceAll("\n", `\n${indent}     `)}`];
    return [`${paint(style, mark)} ${check.id.padEnd(width)} ${summary}`, ...fix];
  });
  return [...lines, total(report)].join("\n");
}

function total({ problems, warnings }: DoctorReport): string {
  if (problems === 0 && warnings === 0) return "no problems";
  return [counted(problems, "problem"), counted(warnings, "warning")].filter((part) => part !== "").join(", ");
}

function counted(count: number, what: string): string {
  if (count === 0) return "";
  return count === 1 ? `1 ${what}` : `${count} ${what}s`;
}
