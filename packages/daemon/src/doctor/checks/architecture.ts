import type { Check } from "../contract.ts";
import type { DoctorDeps } from "../deps.ts";

export const architecture: Check<DoctorDeps> = {
  id: "architecture",
  about: "Kernels and images are made for x86_64 alone.",
  async run({ architecture: arch }) {
    if (arch === "x64") return { status: "ok", summary: "x86_64" };
    return { status: "failed", summary: `${arch}: banger runs on x86_64 only` };
  },
};
