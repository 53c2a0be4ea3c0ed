// How long to wait for a guest. Emulation is about ten times slower than KVM, and the machines that need it are small.
import type { AcceleratorName } from "@banger/api";

export interface Deadlines {
  /** From the VMM's start to the agent's first word. */
  readonly agentMs: number;
  /** From there to a readiness level. */
  readonly readinessMs: number;
  /** What a guest's processes get to end in. */
  readonly graceMs: number;
  /** From asking for a power-off to forcing it. */
  readonly poweroffMs: number;
  /** A lost connection to the agent to come back. */
  readonly reconnectMs: number;
  /** All workspaces to tell what changed, and to hand it over. */
  readonly changesMs: number;
}

export type DeadlinesOf = (accelerator: AcceleratorName) => Deadlines;

export function deadlinesOf(accelerator: AcceleratorName): Deadlines {
  return accelerator === "kvm"
    ? { agentMs: 30_000, readinessMs: 60_000, graceMs: 5_000, poweroffMs: 20_000, reconnectMs: 10_000, changesMs: 120_000 }
    : { agentMs: 90_000, readinessMs: 180_000, graceMs: 10_000, poweroffMs: 60_000, reconnectMs: 30_000, changesMs: 600_000 };
}
