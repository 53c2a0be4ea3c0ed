// Whether an accelerator works, by the only thing that tells: a timed boot of our own initramfs to the agent's first word. On
// some cloud hosts /dev/kvm opens and even makes a VM, and an ordinary kernel then crawls for minutes and dies.
import { lchown, mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { BangerError, type AcceleratorName } from "@banger/api";
import { removeTree, type RunAs } from "@banger/host";
import type { ConnectGuest } from "../guest/contract.ts";
import type { BootFiles, VmmDriver, VmmSpec } from "./contract.ts";

export interface ProbeDeps {
  readonly connectGuest: ConnectGuest;
  /** Where the probe's VM directory is made for its short life; the VM user can pass through it. */
  readonly scratchDir: string;
  readonly runAs: RunAs | null;
  readonly randomHex: (bytes: number) => string;
}

export interface ProbeSpec {
  readonly driver: VmmDriver;
  readonly accelerator: AcceleratorName;
  readonly boot: BootFiles;
  /** Milliseconds from the start to the agent's answer. */
  readonly deadlineMs: number;
  /** Ends the boot before that. */
  readonly signal?: AbortSignal;
}

/** How a test boot went. */
export type BootOutcome =
  | { readonly kind: "up"; readonly agentAfterMs: number }
  /** Not within the deadline. */
  | { readonly kind: "late"; readonly deadlineMs: number }
  /** An emulated guest was up before it, in `byMs` milliseconds. */
  | { readonly kind: "outrun"; readonly byMs: number }
  /** The guest was started and did not live to its first word. */
  | { readonly kind: "down"; readonly reason: string }
  /** The host did not even start the VMM, which tells nothing of the accelerator. */
  | { readonly kind: "not_started"; readonly reason: string };

/** Boots once and times it. A failure is an answer, not an error; leaves nothing. */
export async function probeBoot(deps: ProbeDeps, probe: ProbeSpec): Promise<BootOutcome> {
  const vmDir = await mkdtemp(join(deps.scratchDir, "probe-"));
  try {
    if (deps.runAs !== null) await lchown(vmDir, deps.runAs.uid, deps.runAs.gid);
    return await timeBoot(deps, probe, vmDir);
  } finally {
    await removeTree(vmDir, deps.scratchDir);
  }
}

async function timeBoot(deps: ProbeDeps, probe: ProbeSpec, vmDir: string): Promise<BootOutcome> {
  const { driver, accelerator, boot, deadlineMs } = probe;
  const spec: VmmSpec = {
    ...{ vmId: deps.randomHex(8), vcpu: 1, memoryMib: 256, boot, kernelArguments: ["banger.probe"], disks: [] },
    ...{ nic: null, namespace: null, accelerator, vmDir, isEphemeral: true },
  };
  const startedAt = performance.now();
  const signal = AbortSignal.any([AbortSignal.timeout(deadlineMs), ...(probe.signal === undefined ? [] : [probe.signal])]);
  const leftMs = () => Math.max(1, Math.ceil(deadlineMs - (performance.now() - startedAt)));
  let reached: "not_started" | "down" = "not_started";
  try {
    const process = await driver.start(spec, signal);
    reached = "down";
    await using _vm = { [Symbol.asyncDispose]: () => driver.end(process) };
    await using guest = await deps.connectGuest({
      kind: driver.features.channel,
      open: (limit) => driver.connect(process, limit),
      signal,
      timeoutMs: leftMs(),
    });
    await guest.health(signal);
    return { kind: "up", agentAfterMs: Math.round(performance.now() - startedAt) };
  } catch (error) {
    if (signal.aborted || leftMs() === 1) return { kind: "late", deadlineMs };
    if (error instanceof BangerError) return { kind: reached, reason: error.message.split("\n", 1)[0] ?? "" };
    throw error;
  }
}
