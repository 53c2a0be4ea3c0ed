import { BangerError } from "@banger/api";
import { findProgram } from "@banger/host";
import { checkFirecrackerVersion, FIRECRACKER_PARTS } from "../../vmm/firecracker/version.ts";
import type { Check } from "../contract.ts";
import type { DoctorDeps } from "../deps.ts";

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
    try {
      // A release with a known hole is refused here, also in a part that banger leaves alone.
      return { status: "ok", summary: `${checkFirecrackerVersion(stdout, FIRECRACKER_PARTS)} at ${path}` };
    } catch (error) {
      if (!(error instanceof BangerError) || error.code !== "vmm.unsupported") throw error;
      return { status: "failed", summary: `${path}: ${error.message}`, ...(error.hint === undefined ? {} : { fix: error.hint }) };
    }
  },
};
