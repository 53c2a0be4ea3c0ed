// The `spec:` line: what the VM is made of and where each value came from.
import { formatSize, MIB, type EffectiveSpec } from "@banger/api";

export interface SpecLineOptions {
  readonly spec: EffectiveSpec;
  readonly driver: string;
  readonly accelerator: string;
}

/** `spec: 2 vCPU (host)  2 GiB (config)  8 GiB disk (default)  image debian-bookworm  qemu/tcg`. */
export function specLine({ spec, driver, accelerator }: SpecLineOptions): string {
  const image = spec.image.source === "default" ? spec.image.value : `${spec.image.value} (${spec.image.source})`;
  const parts = [
    `${spec.vcpu.value} vCPU (${spec.vcpu.source})`,
    `${formatSize(spec.memoryMib.value * MIB)} (${spec.memoryMib.source})`,
    `${formatSize(spec.diskBytes.value)} disk (${spec.diskBytes.source})`,
    `image ${image}`,
    driver === "firecracker" ? driver : `${driver}/${accelerator}`,
  ];
  return `spec: ${parts.join("  ")}`;
}
