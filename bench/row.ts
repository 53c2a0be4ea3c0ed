// What a row of the bench is: something banger does, beside the least that could do it, measured one after the other.
import type { Stand } from "./stand.ts";

/** Of one sample, in the row's unit; a row without a floor has null there. */
export interface Sample {
  readonly value: number;
  readonly floor: number | null;
}

/** `ratio`: value over floor. `over`: value less floor, in the row's unit. `value`: the value itself. */
export type TargetKind = "ratio" | "over" | "value";

export interface Row<On = Stand> {
  readonly name: string;
  /** What the value is. */
  readonly what: string;
  /** What the floor is; null without one. */
  readonly over: string | null;
  readonly unit: "ms" | "MB";
  readonly target: { readonly kind: TargetKind; readonly limit: number };
  /** Left out of `--quick`. */
  readonly isLong?: boolean;
  /** At least one sample. */
  readonly measure: (stand: On) => Promise<readonly Sample[]>;
}

/** Why a row cannot be measured on this host. */
export class Unmeasurable extends Error {
  override readonly name = "Unmeasurable";
}
