import { BangerError } from "@banger/api";
import type { Check } from "../contract.ts";
import type { DoctorDeps } from "../deps.ts";
import { findProgram } from "../find-program.ts";

export const firecracker: Check<DoctorDeps> = {
  id: "firecracker",
  about: "Firecracker is optional: with it and KVM, VMs start faster. Old releases lack ACPI or have known holes.",
  async run({ firecrackerBin, searchPath, run }, signal) {
    const configured = await firecrackerBin();
    const path = await findProgram(configured ?? "firecracker", searchPath);
    if (path === undefined) {
      if (configured === null) return { status: "skipped", summary: "not installed: VMs run on QEMU" };
      return {
        status: "failed",
        summary: `${configured} (firecracker_bin in config.toml) is no program`,
        fix: "correct firecracker_bin, or remove it to look on PATH",
      };
    }
    const { stdout } = await run([path, "--version"], { signal, timeoutMs: 10_000 });
    const version = parseVersion(stdout);
    if (version === undefined) throw new BangerError("vmm.unsupported", `${path} does not tell a Firecracker version`);
    const flaw = FLAWS.find(({ affects }) => affects(version));
    if (flaw === undefined) return { status: "ok", summary: `${version.join(".")} at ${path}` };
    return { status: "failed", summary: `${path} is ${version.join(".")}: ${flaw.what}`, fix: "install Firecracker 1.15.1 or later" };
  },
};

type Version = readonly [number, number, number];

interface Flaw {
  readonly affects: (version: Version) => boolean;
  readonly what: string;
}

const FLAWS: readonly Flaw[] = [
  { affects: (version) => isBefore(version, [1, 8, 0]), what: "older than 1.8, it offers no ACPI devices, which Debian's kernel needs" },
  {
    affects: (version) => isBefore(version, [1, 13, 2]) || isSame(version, [1, 14, 0]),
    what: "its jailer follows symlinks as root (CVE-2026-1386)",
  },
  {
    affects: (version) => isBefore(version, [1, 14, 4]) || isSame(version, [1, 15, 0]),
    what: "its virtio-pci reads and writes out of bounds (CVE-2026-5747)",
  },
];

/** The version in `Firecracker v1.16.1`. */
export function parseVersion(text: string): Version | undefined {
  const match = /^Firecracker v(\d+)\.(\d+)\.(\d+)/m.exec(text);
  return match === null ? undefined : [Number(match[1]), Number(match[2]), Number(match[3])];
}

function isBefore(version: Version, other: Version): boolean {
  const [major, minor, patch] = version;
  if (major !== other[0]) return major < other[0];
  if (minor !== other[1]) return minor < other[1];
  return patch < other[2];
}

function isSame(version: Version, other: Version): boolean {
  return version.every((part, index) => part === other[index]);
}
