// Waiting for a readiness level of a VM, over the reboots of its guest.
import type { ReadinessLevel } from "@banger/api";
import type { VmDeps } from "./deps.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { notReady } from "./not-ready.ts";

export interface Wanted {
  readonly vmId: string;
  readonly level: ReadinessLevel;
  readonly signal: AbortSignal;
}

/** Each boot has the accelerator's deadline. Throws `guest.not_ready`, also when the VM ends first; `host.disk_full` while it is paused. */
export async function awaitReady(deps: VmDeps, lifecycle: Lifecycle, { vmId, level, signal }: Wanted): Promise<void> {
  const { supervisors } = lifecycle;
  let before;
  for (;;) {
    // Whether a guest that ended has rebooted is decided, and a new VMM booted, under the VM's lock.
    if (supervisors.find(vmId) === before) await lifecycle.settled(vmId, signal);
    const supervisor = supervisors.find(vmId);
    if (supervisor === undefined || supervisor === before) break;
    const { readinessMs } = deps.deadlinesOf(supervisor.process.accelerator);
    switch (await supervisor.reached(level, readinessMs, signal)) {
      case "reached":
        return;
      case "late":
        throw await notReady(deps, { vmId, what: `the guest did not become ready (${level}) in ${readinessMs / 1000} s` });
      case "over":
        supervisors.throwIfLeft();
        before = supervisor;
    }
  }
  const { stopReason } = deps.records.get(vmId);
  const why = stopReason?.detail?.split("\n")[0] ?? stopReason?.code.replaceAll("_", " ") ?? "it is not running";
  throw await notReady(deps, { vmId, what: `the VM ended before it was ready (${level}): ${why}` });
}
