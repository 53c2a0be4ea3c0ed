// The one place that renders an error for people: what failed, what to type, the operation id last.
import type { BangerError } from "@banger/api";
import type { Paint } from "./output.ts";

const ID_COLUMN = 88;

/** `error: …`, `  try: …`, and the operation id dim at the end of the last line. */
export function renderError(error: BangerError, paint: Paint): string {
  const lines = [`${paint("red", "error:")} ${error.message}`];
  const plain = [`error: ${error.message}`];
  if (error.hint !== undefined) {
    lines.push(`  try: ${error.hint}`);
    plain.push(`  try: ${error.hint}`);
  }
  if (error.operationId === undefined) return lines.join("\n");
  const lastWidth = (plain.at(-1) ?? "").split("\n").at(-1)?.length ?? 0;
  const gap = " ".repeat(Math.max(2, ID_COLUMN - lastWidth));
  return `${lines.join("\n")}${gap}${paint("dim", `[op ${error.operationId}]`)}`;
}
