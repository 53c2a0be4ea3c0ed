// Whether KVM is worth using, where emulation is there to compare it with. No deadline alone can tell: a busy host, or one that
// is a VM itself, is slow with KVM and slower still without; where KVM is useless an emulated guest is up long before.
import { setTimeout as delay } from "node:timers/promises";
import type { BootOutcome } from "./boot-probe.ts";

export interface Race {
  /** A test boot that ends, as `late`, when the signal aborts. */
  readonly kvm: (signal: AbortSignal) => Promise<BootOutcome>;
  readonly emulation: (signal: AbortSignal) => Promise<BootOutcome>;
  /** Milliseconds after which a second guest is booted, to see which is up first. */
  readonly headStartMs: number;
}

/** How KVM's boot went; `outrun` when the emulated one was up before it. Nothing of either is left. */
export async function raceEmulation({ kvm, emulation, headStartMs }: Race): Promise<BootOutcome> {
  const decided = new AbortController();
  const byKvm = kvm(decided.signal);
  const boots = [byKvm];
  try {
    const early = await Promise.race([byKvm, delay(headStartMs, undefined, { signal: decided.signal })]);
    if (early !== undefined) return early;
    const byEmulation = emulation(decided.signal);
    boots.push(byEmulation);
    return await Promise.race([byKvm, outrunBy(byEmulation, byKvm)]);
  } finally {
    decided.abort();
    await Promise.allSettled(boots);
  }
}

async function outrunBy(emulation: Promise<BootOutcome>, kvm: Promise<BootOutcome>): Promise<BootOutcome> {
  const outcome = await emulation;
  return outcome.kind === "up" ? { kind: "outrun", byMs: outcome.agentAfterMs } : kvm;
}
