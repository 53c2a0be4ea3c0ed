// The VMMs of this host: their drivers, who may use KVM, and the test boots by which one is chosen.
import { randomBytes } from "node:crypto";
import type { DriverName } from "@banger/api";
import type { RunAs } from "@banger/host";
import type { Config } from "../config/contract.ts";
import { connectGuest } from "../guest/client.ts";
import { probeBoot } from "./boot-probe.ts";
import type { VmmDriver } from "./contract.ts";
import { FirecrackerDriver } from "./firecracker/driver.ts";
import { kvmNode, kvmObstacle, withKvmGroup, type DeviceNode, type Opener } from "./kvm-device.ts";
import { QemuDriver } from "./qemu/driver.ts";
import { VmmSelection, type SelectionDeps } from "./selection.ts";

export interface HostVmmsDeps extends Pick<SelectionDeps, "images" | "cacheDir" | "log"> {
  /** Where programs are looked for, as in PATH. */
  readonly searchPath: string;
  readonly runAs: RunAs | null;
  /** Who runs VMMs. */
  readonly vmUserName: string;
  readonly config: () => Promise<Pick<Config, "firecrackerBin" | "defaultImageName">>;
  /** The guest's agent as a program of this host. */
  readonly agentPath: string;
  /** Where the directories of test boots are made. */
  readonly scratchDir: string;
}

export function hostVmms(deps: HostVmmsDeps): VmmSelection {
  const { searchPath, runAs, agentPath, scratchDir, config, images, cacheDir, log } = deps;
  const drivers: Readonly<Record<DriverName, VmmDriver>> = {
    qemu: new QemuDriver({ searchPath, runAs, agentPath }),
    firecracker: new FirecrackerDriver({ searchPath, runAs, firecrackerBin: async () => (await config()).firecrackerBin }),
  };
  const randomHex = (bytes: number) => randomBytes(bytes).toString("hex");
  return new VmmSelection({
    ...{ drivers, config, images, cacheDir, log, uid: runAs?.uid ?? ownUid() },
    probe: (spec) => probeBoot({ connectGuest, scratchDir, runAs, randomHex }, spec),
    kvmObstacle: async () => {
      const node = await kvmNode();
      return kvmObstacle(node, kvmOpener(deps, node));
    },
  });
}

/** Who opens the device for a VMM: a root daemon's user with the group that it is lent, or the daemon itself. */
function kvmOpener({ runAs, vmUserName: name }: HostVmmsDeps, node: DeviceNode | undefined): Opener {
  if (runAs === null) return { name, uid: ownUid(), gids: [process.getgid?.() ?? 0, ...(process.getgroups?.() ?? [])] };
  const { uid, gid, groups = [] } = withKvmGroup(runAs, node);
  return { name, uid, gids: [gid, ...groups] };
}

function ownUid(): number {
  return process.getuid?.() ?? 0;
}
