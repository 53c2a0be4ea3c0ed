// The spec of a new VM: what was asked for, else what config.toml says, else what suits the host, else constants. Pure.
import { BangerError, formatSize, GIB, MIB, type EffectiveSpec, type Provenance } from "@banger/api";
import type { Config, HostResources, ResolveSpec, SpecRequest } from "./contract.ts";

const MAX_VCPU = 64;
/** What the API takes as least for memory and disk alike; whether an image boots with it is the image's matter. */
const MIN_BYTES = 64 * MIB;
/** Debian with systemd and sshd boots with it, and has room for a shell. */
const MEMORY_FLOOR_MIB = 512;
const MEMORY_CEILING_MIB = 8192;
const MEMORY_STEP_MIB = 256;
const DISK_DEFAULT_BYTES = 8 * GIB;

interface Sourced<T> {
  readonly value: T;
  readonly source: Provenance;
}

export const resolveSpec: ResolveSpec = (request, config, host) => {
  const spec = chooseSpec(request, config, host);
  checkVcpu(spec.vcpu);
  checkMemory(spec.memoryMib, host);
  checkDisk(spec.diskBytes, host);
  return spec;
};

/** The same, unchecked: what to say of the defaults, also of those that this host cannot give. */
export function chooseSpec(request: SpecRequest, config: Config, host: HostResources): EffectiveSpec {
  const { vmDefaults } = config;
  return {
    vcpu: choose(request.vcpu, vmDefaults.vcpu, { value: defaultVcpu(host), source: "host" }),
    memoryMib: choose(request.memoryMib, vmDefaults.memoryMib, { value: defaultMemoryMib(host), source: "host" }),
    diskBytes: choose(request.diskBytes, vmDefaults.diskBytes, defaultDisk(host)),
    image: chooseImage(request.image, config),
  };
}

/** A quarter of the host's CPUs, 1 to 4. */
export function defaultVcpu(host: HostResources): number {
  return clamp(Math.floor(host.cpus / 4), 1, 4);
}

/** An eighth of the host's memory to the nearest 256 MiB, 512 MiB to 8 GiB. */
export function defaultMemoryMib(host: HostResources): number {
  const eighth = host.memoryTotalBytes / MIB / 8;
  return clamp(Math.round(eighth / MEMORY_STEP_MIB) * MEMORY_STEP_MIB, MEMORY_FLOOR_MIB, MEMORY_CEILING_MIB);
}

/** 8 GiB; where the file system is smaller, the largest power of two that it holds. */
function defaultDisk({ disk }: HostResources): Sourced<number> {
  if (disk === undefined || disk.totalBytes >= DISK_DEFAULT_BYTES) return { value: DISK_DEFAULT_BYTES, source: "default" };
  return { value: Math.max(MIN_BYTES, 2 ** Math.floor(Math.log2(Math.max(1, disk.totalBytes)))), source: "host" };
}

function choose(flag: number | undefined, configured: number | undefined, fallback: Sourced<number>): Sourced<number> {
  if (flag !== undefined) return { value: flag, source: "flag" };
  if (configured !== undefined) return { value: configured, source: "config" };
  return fallback;
}

function chooseImage(flag: string | undefined, config: Config): Sourced<string> {
  if (flag !== undefined) return { value: flag, source: "flag" };
  return { value: config.defaultImageName, source: config.defaultImageName === "debian-bookworm" ? "default" : "config" };
}

function checkVcpu({ value }: Sourced<number>): void {
  if (Number.isInteger(value) && value >= 1 && value <= MAX_VCPU) return;
  throw new BangerError("vm.bad_spec", `${value} is not a number of virtual CPUs`, { hint: `--vcpu 1 to ${MAX_VCPU}` });
}

function checkMemory(memory: Sourced<number>, host: HostResources): void {
  const bytes = memory.value * MIB;
  checkSize(bytes, "memory", "--memory 2G");
  if (bytes <= host.memoryTotalBytes) return;
  const fits = `--memory ${suggestedSize(host.memoryAvailableBytes)}`;
  const total = formatSize(host.memoryTotalBytes);
  throw new BangerError(
    "host.resources",
    `${formatSize(bytes)} of memory${blame(memory)} is more than this host has (${total}, ${formatSize(host.memoryAvailableBytes)} available)`,
    { hint: `${fits}, or banger config show vm_defaults`, details: { memoryMib: memory.value, source: memory.source, host } },
  );
}

/** The disk is sparse, so a full host is not refused here; a disk that can never be filled is. */
function checkDisk(disk: Sourced<number>, { disk: room, ...host }: HostResources): void {
  checkSize(disk.value, "disk", "--disk-size 16G");
  if (room === undefined || disk.value <= room.totalBytes) return;
  const fits = `--disk-size ${suggestedSize(room.availableBytes)}`;
  throw new BangerError(
    "host.resources",
    `${formatSize(disk.value)} of disk${blame(disk)} is more than this host has (${formatSize(room.totalBytes)}, ${formatSize(room.availableBytes)} available)`,
    { hint: `${fits}, or banger config show vm_defaults`, details: { diskBytes: disk.value, source: disk.source, host, room } },
  );
}

function checkSize(bytes: number, what: string, example: string): void {
  if (Number.isSafeInteger(bytes) && bytes >= MIN_BYTES) return;
  const shown = bytes >= MIB ? formatSize(bytes) : `${bytes / MIB} MiB`;
  throw new BangerError("vm.bad_spec", `${shown} of ${what} is too little for a VM: at least ${formatSize(MIN_BYTES)} is needed`, {
    hint: example,
  });
}

/** Where an excessive value came from, unless the user has just typed it. */
function blame({ source }: Sourced<number>): string {
  return source === "flag" ? "" : ` (${source})`;
}

/** The largest power of two that fits, as it is typed: `16G`, `512M`. */
function suggestedSize(availableBytes: number): string {
  const mib = 2 ** Math.max(9, Math.floor(Math.log2(Math.max(1, availableBytes / MIB))));
  return mib >= 1024 ? `${mib / 1024}G` : `${mib}M`;
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
