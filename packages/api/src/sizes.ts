// Sizes as people write them: `16G`, `4GiB`, `512MiB`; a bare number is MiB. All units are binary.
import { BangerError, type ErrorCode } from "./errors.ts";

const KIB = 1024;
export const MIB = 1024 * KIB;
export const GIB = 1024 * MIB;

const UNITS: Readonly<Record<string, number>> = { "": MIB, K: KIB, M: MIB, G: GIB, T: 1024 * GIB };

/** Bytes of a size such as `16G`, `4GiB`, `512MiB` or `2048` (MiB). Throws `code` on anything else, zero included. */
export function parseSize(text: string, what = "size", code: ErrorCode = "vm.bad_spec"): number {
  const match = /^(\d+(?:\.\d+)?)\s*(?:([KMGT])(?:i?B)?)?$/i.exec(text.trim());
  const factor = UNITS[(match?.[2] ?? "").toUpperCase()];
  const bytes = match?.[1] === undefined || factor === undefined ? Number.NaN : Math.round(Number(match[1]) * factor);
  if (!Number.isSafeInteger(bytes) || bytes <= 0) {
    throw new BangerError(code, `"${text}" is not a ${what}`, {
      hint: "write a number with a unit, as 512MiB, 4G or 16GiB; a bare number is MiB",
    });
  }
  return bytes;
}

/** A size for people: `512 MiB`, `1.5 GiB`. */
export function formatSize(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 || Number.isInteger(value) ? 0 : 1;
  return `${value.toFixed(digits)} ${units[unit] ?? "B"}`;
}
