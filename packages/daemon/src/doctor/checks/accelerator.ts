import type { Check } from "../contract.ts";
import type { DoctorDeps } from "../deps.ts";

export const accelerator: Check<DoctorDeps> = {
  id: "accelerator",
  about: "KVM makes VMs fast. Only a timed boot tells whether it works: on some cloud hosts the device is there and useless.",
  async run({ probe }, signal) {
    const { accelerator: chosen, reason, fix, agentAfterMs } = await probe(signal);
    const measured = agentAfterMs === null ? "" : ` (agent after ${(agentAfterMs / 1000).toFixed(1)} s)`;
    const details = { accelerator: chosen, agentAfterMs };
    if (chosen === "kvm" && reason === "") return { status: "ok", summary: `kvm${measured}`, details };
    const why = reason === "" ? "not usable" : reason;
    return {
      status: "warning",
      summary: `kvm: ${why}; using ${chosen}${measured}`,
      ...(fix === undefined ? {} : { fix }),
      details,
    };
  },
};
