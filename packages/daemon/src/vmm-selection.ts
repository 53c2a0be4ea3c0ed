// The drivers of this host and which one a new boot takes.
import type { RunAs } from "@banger/host";
import type { DriverName } from "@banger/api";
import { FirecrackerDriver } from "./vmm/firecracker/driver.ts";
import { QemuDriver } from "./vmm/qemu/driver.ts";
import type { VmmDriver } from "./vmm/contract.ts";
import type { DriverChoice } from "./vms/deps.ts";

export interface SelectionDeps {
  readonly searchPath: string;
  readonly runAs: RunAs | null;
  readonly firecrackerBin: string | null;
}

export class VmmSelection {
  readonly drivers: Readonly<Record<DriverName, VmmDriver>>;
  constructor(deps: SelectionDeps) {
    this.drivers = { qemu: new QemuDriver(deps), firecracker: new FirecrackerDriver(deps) };
  }
  choose(_wanted: DriverName | null, _signal: AbortSignal): Promise<DriverChoice> {
    return Promise.resolve({ driver: "qemu", accelerator: "tcg", slowBecause: "No usable KVM: running under emulation, about 10x slower" });
  }
  report(_signal: AbortSignal) {
    return Promise.resolve({ accelerator: "tcg" as const, reason: "not probed", agentAfterMs: null });
  }
}
