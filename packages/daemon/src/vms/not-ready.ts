// The error of a guest that did not get where it should have, with the last it said of itself.
import { BangerError } from "@banger/api";
import type { VmDeps } from "./deps.ts";
import { lastSignOfLife } from "./ending.ts";
import { logFile, tailSince } from "./log-files.ts";
import { vmDir } from "./vm-directory.ts";

/** A panic comes with a page of registers and calls. */
const TAIL_BYTES = 8192;

export interface NotReady {
  readonly vmId: string;
  /** What did not happen, for people. */
  readonly what: string;
  readonly cause?: unknown;
}

/** `guest.not_ready`; the VM is kept so that its logs can tell why. */
export async function notReady(deps: VmDeps, { vmId, what, cause }: NotReady): Promise<BangerError> {
  const { name, consoleStart } = deps.records.get(vmId);
  const sign = lastSignOfLife(await tailSince(logFile(vmDir(deps, vmId), "console"), consoleStart, TAIL_BYTES));
  return new BangerError("guest.not_ready", `${what} (last sign of life: ${sign})`, {
    hint: `the VM is kept for a look: banger vm logs ${name}     remove it: banger vm delete ${name}`,
    cause,
  });
}
