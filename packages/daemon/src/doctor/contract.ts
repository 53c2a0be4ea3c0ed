// A doctor check is one declared value in a file of its own.
import type { CheckResult } from "@banger/api";

export interface Check<Deps> {
  /** Stable id, such as `accelerator`. */
  readonly id: string;
  /** One line for docs: what is checked and why it matters. */
  readonly about: string;
  run(deps: Deps, signal: AbortSignal): Promise<Omit<CheckResult, "id">>;
}
