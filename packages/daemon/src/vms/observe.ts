// What there is of a VM right now, as the planner wants to know it.
import { isProcessAlive } from "@banger/host";
import type { Observed } from "./plan.ts";
import { processOf } from "./steps.ts";
import type { VmDeps } from "./deps.ts";
import type { Supervisors } from "./supervisors.ts";
import { workOf } from "./kept-changes.ts";

export async function observe(deps: VmDeps, supervisors: Supervisors, vmId: string): Promise<Observed> {
  const journal = deps.journal.of(vmId);
  const directory = journal.get("directory");
  const network = journal.get("network");
  const process = await observeProcess(deps, vmId);
  return {
    directory: directory === undefined ? "none" : directory.state === "acquired" ? "made" : "partial",
    network: network === undefined ? "none" : network.state === "acquired" ? "attached" : "partial",
    process,
    guest: process === "alive" ? await observeGuest(supervisors, vmId) : "down",
    work: workOf(deps.records.find(vmId)),
  };
}

async function observeProcess(deps: VmDeps, vmId: string): Promise<Observed["process"]> {
  const resource = deps.journal.of(vmId).get("process");
  if (resource === undefined) return "none";
  const process = await processOf(deps, vmId);
  if (process !== null && isProcessAlive(process.vmm)) return "alive";
  return resource.state === "acquired" ? "dead" : "partial";
}

async function observeGuest(supervisors: Supervisors, vmId: string): Promise<Observed["guest"]> {
  try {
    const { stage } = await supervisors.get(vmId).guest().health(AbortSignal.timeout(5_000));
    switch (stage) {
      case "waiting":
      case "running":
        return stage;
      case "configuring":
      case "failed":
        return "broken";
    }
  } catch {
    // Whatever the reason, a guest that does not answer is silent to the planner.
    return "silent";
  }
}
