// The gentle end of a guest: its agent is asked, its init goes down, its file systems are safe. Nobody who may still answer is
// cut off: an agent that is silent may have lost its connection, to a daemon that died or to a guest that is going down already.
import { BangerError } from "@banger/api";
import { abortable } from "@banger/host";
import type { Operation } from "../operations/registry.ts";
import type { Deadlines } from "./deadlines.ts";
import type { VmDeps } from "./deps.ts";
import type { Supervisor } from "./supervisor.ts";
import type { Supervisors } from "./supervisors.ts";

export interface PowerOffContext {
  readonly deps: VmDeps;
  readonly supervisors: Supervisors;
  readonly vmId: string;
  readonly operation: Operation;
}

/** Warns when the guest does not power off within a deadline that is for all of it. Throws `daemon.stopping` alone. */
export async function shutdownGuest({ deps, supervisors, vmId, operation }: PowerOffContext): Promise<void> {
  const supervisor = supervisors.find(vmId);
  // A guest that was never configured runs nothing, and one that stands still cannot.
  if (supervisor === undefined || !(supervisor.isConnected || supervisor.isFollowed) || supervisor.pauses.isPaused) return;
  await operation.stage("shutdown", async () => {
    try {
      await powerOff(supervisor, deps.deadlinesOf(supervisor.process.accelerator));
    } catch (error) {
      supervisors.throwIfLeft();
      const why = error instanceof Error ? error.message : String(error);
      operation.warn("guest.unreachable", `the guest did not power off by itself: ${why}`);
    }
  });
}

async function powerOff(supervisor: Supervisor, { graceMs, poweroffMs }: Deadlines): Promise<void> {
  const deadline = AbortSignal.timeout(graceMs + poweroffMs);
  const over = supervisor.over(deadline);
  const asked = ask(supervisor, graceMs, deadline);
  // What became of it when the connection is lost, the end tells, or the deadline.
  const refused = asked.catch((error: unknown) => {
    if (!deadline.aborted && !isLoss(error)) throw error;
  });
  await Promise.race([over, refused]);
  if (await over) return;
  if (deadline.aborted) throw new BangerError("guest.not_ready", `it did not within ${(graceMs + poweroffMs) / 1000} s`);
  await asked;
}

async function ask(supervisor: Supervisor, graceMs: number, deadline: AbortSignal): Promise<void> {
  await supervisor.withGuest(deadline, (guest) => abortable(guest.shutdown("poweroff", graceMs), deadline));
}

function isLoss(error: unknown): boolean {
  return error instanceof BangerError && error.code === "guest.unreachable";
}
