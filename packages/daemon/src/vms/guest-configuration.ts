// What a guest is told about itself at boot, from its record. Pure.
import type { GuestConfiguration } from "../guest/contract.ts";
import type { ReadyImage } from "../images/contract.ts";
import { macOfAddress, type Subnet } from "../network/contract.ts";
import type { VmRecord } from "../state/vm-record.ts";
import type { HostKey } from "./deps.ts";

export interface ConfigurationInputs {
  readonly record: VmRecord;
  readonly image: ReadyImage;
  readonly key: HostKey;
  /** Null: the VM has no network. */
  readonly network: Subnet | null;
  readonly nowMs: number;
}

/** Disks appear as /dev/vda, vdb, vdc in the order base, data, modules. */
export function guestConfiguration({ record, image, key, network, nowMs }: ConfigurationInputs): GuestConfiguration {
  return {
    vmId: record.id,
    hostname: record.name,
    machineId: record.machineId,
    timeUnixMs: nowMs,
    disks: {
      base: { device: "/dev/vda", type: image.baseType },
      data: { device: "/dev/vdb", type: "ext4" },
      modules: image.modulesPath === null ? null : { device: "/dev/vdc", type: "squashfs" },
    },
    network:
      network === null || record.address === null
        ? null
        : {
            address: `${record.address}/${network.prefixLength}`,
            gateway: network.gateway,
            mac: macOfAddress(record.address),
            resolvers: [network.resolver],
            search: "vm",
          },
    ssh: { ...key, authorizedKeys: record.authorizedKeys },
    git: record.gitIdentity,
    env: image.env,
    init: "auto",
  };
}
