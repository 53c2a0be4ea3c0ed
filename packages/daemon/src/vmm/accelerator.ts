// Which driver runs a VM, decided from what is installed and whether KVM truly works here. Pure.
import { BangerError, type AcceleratorName, type DriverName } from "@banger/api";

/** How a timed test boot went. */
export type BootVerdict =
  | { readonly works: true; readonly agentAfterMs: number }
  | {
      readonly works: false;
      readonly reason: string;
      /** Nothing stands in the way, but there is nothing to boot yet. */
      readonly isUntested?: true;
      /** An emulated guest was up before it: no VMM's fault. */
      readonly isOutrun?: true;
      /** The command that mends it, where one does. */
      readonly fix?: string;
    };

/** A driver's program: its version, or why it cannot be had (`vmm.missing`, `vmm.unsupported`). */
export type Availability = { readonly version: string } | { readonly error: BangerError };

/** What a VM needs of a driver. */
export interface DriverWish {
  /** Null: whichever is best. */
  readonly driver: DriverName | null;
  readonly vcpu: number;
}

export interface DriverFacts {
  readonly firecracker: Availability;
  readonly qemu: Availability;
  /** Test boots with KVM, by the driver that made them. */
  readonly kvm: Readonly<Record<DriverName, BootVerdict>>;
}

export interface DriverChoice {
  readonly driver: DriverName;
  readonly accelerator: AcceleratorName;
  /** Why it is not KVM, for people; absent when it is. */
  readonly slowBecause?: string;
  /** The command that would make it KVM, where one does. */
  readonly fix?: string;
}

const FIRECRACKER: DriverChoice = { driver: "firecracker", accelerator: "kvm" };

/**
 * Firecracker where it is found and KVM works, else QEMU with KVM, else QEMU under emulation. What the user asked for is kept
 * or refused, never replaced. Before there is anything to boot the answer is provisional: where only Firecracker can be meant,
 * KVM is trusted until it is tested. Throws `vmm.missing`, `vmm.unsupported`.
 */
export function chooseDriver(facts: DriverFacts, wanted: DriverName | null): DriverChoice {
  if (wanted === "firecracker") return insistOnFirecracker(facts);
  if (wanted === null && isAvailable(facts.firecracker)) {
    const { firecracker: verdict } = facts.kvm;
    if (verdict.works || (isUntested(verdict) && !isAvailable(facts.qemu))) return FIRECRACKER;
  }
  if (!isAvailable(facts.qemu)) throw facts.qemu.error;
  if (facts.kvm.qemu.works) return { driver: "qemu", accelerator: "kvm" };
  const { reason, fix } = facts.kvm.qemu;
  return { driver: "qemu", accelerator: "tcg", slowBecause: reason, ...(fix === undefined ? {} : { fix }) };
}

export function isAvailable(availability: Availability): availability is { readonly version: string } {
  return "version" in availability;
}

function isUntested(verdict: BootVerdict): boolean {
  return !verdict.works && verdict.isUntested === true;
}

function insistOnFirecracker(facts: DriverFacts): DriverChoice {
  if (!isAvailable(facts.firecracker)) throw facts.firecracker.error;
  const verdict = facts.kvm.firecracker;
  if (verdict.works || isUntested(verdict)) return FIRECRACKER;
  throw new BangerError("vmm.unsupported", `Firecracker needs KVM: ${verdict.reason}`, {
    hint: verdict.fix ?? "banger doctor, or --driver qemu",
  });
}
