// A doctor check is one declared value in a file of its own.
import type { CheckResult } from "@banger/api";

export interface Check<Deps> {
  /** Stable id, such as `accelerator`. */
  readonly id: string;
  /** One line for docs: what is checked and why it matters. */
  readonly about: string;
  /** Must not create or change anything on the host. A BangerError becomes a failed check with its hint as fix. */
  run(deps: Deps, signal: AbortSignal): Promise<Omit<CheckResult, "id">>;
}
