// What a guest is told about itself, from what the host has recorded about it. Pure.
import { createHash } from "node:crypto";
import type { Subnet } from "../network/contract.ts";
import type { VmmDisk } from "../vmm/contract.ts";
import type { GuestConfiguration, GuestDisk } from "./contract.ts";
import type { SshKeyPair } from "./openssh-key.ts";

/** The DNS domain of guests. */
const SEARCH_DOMAIN = "vm";

export interface GuestConfigurationInput {
  readonly vm: {
    readonly id: string;
    readonly name: string;
    /** IPv4 address and MAC; null without a network. */
    readonly network: { readonly address: string; readonly mac: string } | null;
  };
  readonly subnet: Pick<Subnet, "gateway" | "prefixLength" | "resolver">;
  /** The driver's disks in its order, which is their order in the guest. */
  readonly disks: readonly Pick<VmmDisk, "id">[];
  readonly image: { readonly baseType: "squashfs" | "erofs"; readonly env: readonly string[] };
  readonly hostKey: SshKeyPair;
  readonly authorizedKeys: readonly string[];
  readonly git: { readonly name: string; readonly email: string } | null;
  readonly init?: "auto" | "none";
  readonly nowUnixMs: number;
}

/** Throws an Error when `disks` lacks the base or the data disk. */
export function guestConfiguration(input: GuestConfigurationInput): GuestConfiguration {
  const { vm, subnet } = input;
  return {
    vmId: vm.id,
    hostname: vm.name,
    machineId: machineIdOf(vm.id),
    timeUnixMs: input.nowUnixMs,
    disks: guestDisks(input.disks, input.image.baseType),
    network:
      vm.network === null
        ? null
        : {
            address: `${vm.network.address}/${subnet.prefixLength}`,
            gateway: subnet.gateway,
            mac: vm.network.mac,
            resolvers: [subnet.resolver],
            search: SEARCH_DOMAIN,
          },
    ssh: {
      hostKey: input.hostKey.privateKey,
      hostKeyPublic: input.hostKey.publicKey,
      authorizedKeys: [...new Set(input.authorizedKeys.map((key) => key.trim()).filter((key) => key !== ""))],
    },
    git: input.git,
    env: input.image.env,
    init: input.init ?? "auto",
  };
}

/** 32 hex digits that stay with the VM for life and differ from every other VM's; see machine-id(5). */
export function machineIdOf(vmId: string): string {
  return createHash("sha256").update(`banger machine-id ${vmId}`).digest("hex").slice(0, 32);
}

function guestDisks(disks: readonly Pick<VmmDisk, "id">[], baseType: "squashfs" | "erofs"): GuestConfiguration["disks"] {
  const find = (id: VmmDisk["id"], type: GuestDisk["type"]): GuestDisk | null => {
    const index = disks.findIndex((disk) => disk.id === id);
    return index < 0 ? null : { device: `/dev/vd${"abcdefgh".charAt(index)}`, type };
  };
  const base = find("base", baseType);
  const data = find("data", "ext4");
  if (base === null || data === null) throw new Error(`a VM needs a base and a data disk, not ${disks.map(({ id }) => id).join(", ")}`);
  return { base, modules: find("modules", "squashfs"), data };
}
