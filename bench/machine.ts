// What a result was measured on, as far as it explains the numbers; nothing that tells whose machine it is.
import { cpus, loadavg, release, totalmem } from "node:os";
import type { Banger } from "../test/smoke/banger.ts";
import { acceleratorOf, doctorChecks } from "./doctor.ts";

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGib: number;
  readonly kernel: string;
  readonly accelerator: string;
  readonly node: string;
  /** Load average over the minute before: a busy machine's results are worth little. */
  readonly load: number;
}

/** What ratios depend on. Runs of machines that differ in it are no series; a new kernel or Node is a change like any other. */
export function machineText({ cpu, cores, memoryGib, accelerator }: Machine): string {
  return `${cpu}, ${cores} cores, ${memoryGib} GiB, ${accelerator}`;
}

export async function describeMachine(banger: Banger): Promise<Machine> {
  const all = cpus();
  return {
    cpu: all[0]?.model ?? "unknown",
    cores: all.length,
    memoryGib: Math.round(totalmem() / 1024 ** 3),
    // Whoever built it may have put a name of theirs behind the version.
    kernel: /^[\d.]+/.exec(release())?.[0] ?? "unknown",
    accelerator: acceleratorOf(await doctorChecks(banger)),
    node: process.version,
    load: Math.round((loadavg()[0] ?? 0) * 10) / 10,
  };
}
