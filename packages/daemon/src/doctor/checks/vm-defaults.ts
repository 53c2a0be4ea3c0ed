import { formatSize, MIB } from "@banger/api";
import type { Check } from "../contract.ts";
import type { DoctorDeps } from "../deps.ts";

export const vmDefaults: Check<DoctorDeps> = {
  id: "vm-defaults",
  about: "What a new VM gets when nothing is said, with where each value comes from.",
  async run({ defaults }) {
    const { vcpu, memoryMib, diskBytes, image } = await defaults();
    const parts = [
      `${vcpu.value} vCPU (${vcpu.source})`,
      `${formatSize(memoryMib.value * MIB)} (${memoryMib.source})`,
      `${formatSize(diskBytes.value)} disk (${diskBytes.source})`,
      `image ${image.value} (${image.source})`,
    ];
    return { status: "ok", summary: parts.join("  ") };
  },
};
