// Which Firecracker can be used. Rules are data; a flaw only keeps VMs from starting where banger uses the
// part that has it; the doctor counts all.
import { BangerError } from "@banger/api";

export const FIRECRACKER_PARTS = ["acpi", "jailer", "pci"] as const;
export type FirecrackerPart = (typeof FIRECRACKER_PARTS)[number];

interface Rule {
  readonly part: FirecrackerPart;
  readonly isAffected: (version: Version) => boolean;
  readonly why: string;
}

/** The parts banger's driver uses: it has a jail of its own, and devices on MMIO. */
export const USED_PARTS: readonly FirecrackerPart[] = ["acpi"];
export const FIRECRACKER_HINT = "install Firecracker 1.15.1 or newer from https://github.com/firecracker-microvm/firecracker/releases";

type Version = readonly [major: number, minor: number, patch: number];

const RULES: readonly Rule[] = [
  { part: "acpi", isAffected: (version) => isBelow(version, [1, 8, 0]), why: "devices are announced by ACPI only since 1.8" },
  {
    part: "jailer",
    isAffected: (version) => isBelow(version, [1, 13, 2]) || isSame(version, [1, 14, 0]),
    why: "its jailer follows symlinks as root (CVE-2026-1386)",
  },
  {
    part: "pci",
    isAffected: (version) => isBelow(version, [1, 14, 4]) || isSame(version, [1, 15, 0]),
    why: "virtio-pci writes out of bounds (CVE-2026-5747)",
  },
];

/** Version out of `firecracker --version`. Throws `vmm.unsupported` for one that is too old or flawed in a part that is used. */
export function checkFirecrackerVersion(output: string, parts: readonly FirecrackerPart[] = USED_PARTS): string {
  const match = /^Firecracker v((\d+)\.(\d+)\.(\d+)\S*)/m.exec(output);
  if (match === null)
    throw new BangerError("vmm.unsupported", `firecracker does not tell its version: ${output.slice(0, 80)}`, { hint: FIRECRACKER_HINT });
  const version: Version = [Number(match[2]), Number(match[3]), Number(match[4])];
  const rule = RULES.find((candidate) => parts.includes(candidate.part) && candidate.isAffected(version));
  if (rule !== undefined)
    throw new BangerError("vmm.unsupported", `Firecracker ${match[1]} cannot be used: ${rule.why}`, { hint: FIRECRACKER_HINT });
  return match[1] ?? "";
}

function isBelow(version: Version, limit: Version): boolean {
  const difference = version.map((part, index) => part - (limit[index] ?? 0)).find((part) => part !== 0);
  return difference !== undefined && difference < 0;
}

function isSame(left: Version, right: Version): boolean {
  return left.every((part, index) => part === right[index]);
}
