// The guests' subnet and who has which address in it. Pure: what is taken comes from the VMs' records.
import { createHash } from "node:crypto";
import { BangerError } from "@banger/api";
import { tapPrefix } from "@banger/host";
import type { Subnet } from "./contract.ts";

export const defaultCidr = "172.16.0.0/24";

/**
 * A subnet from `a.b.c.0/24`: the gateway is its first address, and the resolver too. Only private ranges, so that no guest
 * shadows a part of the internet. Throws `config.invalid`.
 */
export function parseSubnet(cidr: string): Subnet {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.0\/24$/.exec(cidr);
  const [first, second, third] = (match ?? []).slice(1).map(Number);
  const canonical = `${first}.${second}.${third}`;
  const isByte = (value: number | undefined) => value !== undefined && value <= 255;
  if (!isByte(first) || !isByte(second) || !isByte(third) || `${canonical}.0/24` !== cidr || !isPrivate(Number(first), Number(second))) {
    throw new BangerError("config.invalid", `${JSON.stringify(cidr)} is not a subnet for guests`, {
      hint: `take a private /24 that no network of yours uses, such as ${defaultCidr}`,
    });
  }
  return { cidr, gateway: `${canonical}.1`, prefixLength: 24, resolver: `${canonical}.1` };
}

/** The lowest free address of the subnet. Throws `host.resources` when all 253 are taken. */
export function allocateAddress(subnet: Subnet, used: ReadonlySet<string>): string {
  const prefix = subnet.gateway.slice(0, subnet.gateway.lastIndexOf("."));
  for (let host = 1; host < 255; host += 1) {
    const address = `${prefix}.${host}`;
    if (address !== subnet.gateway && !used.has(address)) return address;
  }
  throw new BangerError("host.resources", `no address is free in ${subnet.cidr}: ${used.size} are taken`, {
    hint: "banger vm list; delete VMs you no longer need",
    details: { cidr: subnet.cidr, used: used.size },
  });
}

export function isInSubnet(address: string, subnet: Subnet): boolean {
  return address.slice(0, address.lastIndexOf(".")) === subnet.gateway.slice(0, subnet.gateway.lastIndexOf("."));
}

/** Name of a VM's tap: 15 characters, the most an interface name may have. */
export function tapName(vmId: string): string {
  return `${tapPrefix}${createHash("sha256").update(vmId).digest("hex").slice(0, 12)}`;
}

function isPrivate(first: number, second: number): boolean {
  return (
    first === 10 ||
    (first === 172 && second >= 16 && second <= 31) ||
    (first === 192 && second === 168) ||
    (first === 100 && second >= 64 && second <= 127)
  );
}
