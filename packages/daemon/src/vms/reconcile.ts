// The only recovery: after any death of the daemon, compare what was intended with what exists, and finish or undo it.
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { StopReason } from "@banger/api";
import { hostBootId, isProcessAlive, removeTree } from "@banger/host";
import { macOfAddress } from "../network/contract.ts";
import type { Operation } from "../operations/registry.ts";
import type { VmRecord } from "../state/vm-record.ts";
import type { VmDeps } from "./deps.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { mayHoldNetwork } from "./network-held.ts";
import { processOf } from "./steps.ts";
import type { VmmProcess } from "../vmm/contract.ts";

/** Settles every VM; one that cannot be settled is logged and does not stop the others. */
export async function reconcile(deps: VmDeps, lifecycle: Lifecycle, operation: Operation): Promise<void> {
  await reconcileNetwork(deps);
  await Promise.all(
    deps.records.list().map((record) =>
      settle({ deps, lifecycle, operation }, record).catch((error: unknown) => {
        deps.log({ vm: record.id, name: record.name, error: String(error) }, "a VM could not be reconciled");
      }),
    ),
  );
  await removeOrphans(deps, lifecycle, operation);
}

interface Recovery {
  readonly deps: VmDeps;
  readonly lifecycle: Lifecycle;
  readonly operation: Operation;
}

async function settle({ deps, lifecycle, operation }: Recovery, record: VmRecord): Promise<void> {
  if (record.status === "creating" || record.status === "deleting") return lifecycle.remove(record.id, operation);
  const process = await processOf(deps, record.id);
  if (process !== null && record.status === "running") {
    if (isProcessAlive(process.vmm)) return adopt({ deps, lifecycle, operation }, record, process);
    if (process.vmm.bootId === hostBootId()) return lifecycle.settleEnded(record.id, await lastEnd(deps, process));
  }
  // The guest of a stop that was cut short is on its way down, or still to be asked.
  if (process !== null && isProcessAlive(process.vmm) && record.status === "stopping")
    lifecycle.supervisors.watch(record.id, process).follow();
  // A start or stop that was cut short is undone: what the guest was to be told was in the dead daemon's memory alone.
  await lifecycle.abandon(record.id, reasonOf(record), operation);
}

function reasonOf(record: VmRecord): StopReason {
  switch (record.status) {
    case "running":
      return { code: "host_restarted" };
    case "starting":
      return { code: "start_failed", detail: "the daemon ended during the start" };
    default:
      return record.stopReason ?? { code: "requested" };
  }
}

/** A VMM that outlived its daemon is found again: watch it, and answer for its ports. */
async function adopt({ deps, lifecycle }: Recovery, record: VmRecord, process: VmmProcess): Promise<void> {
  lifecycle.supervisors.watch(record.id, process).follow();
  try {
    deps.records.update(record.id, { forwards: await deps.ports.open(record.id, record.forwards) });
  } catch (error) {
    deps.log({ vm: record.id, error: String(error) }, "a published port could not be opened again");
  }
}

async function lastEnd(deps: VmDeps, process: VmmProcess) {
  const unseen = { status: null, signal: null };
  const exit = await deps.drivers[process.driver].wait(process, AbortSignal.timeout(2_000)).catch(() => unseen);
  return { exit, announced: null };
}

/** Directories and resources that belong to no VM: a deletion that was cut after its record went, or a torn creation. */
async function removeOrphans(deps: VmDeps, lifecycle: Lifecycle, operation: Operation): Promise<void> {
  for (const vmId of deps.journal.holders()) {
    if (deps.records.find(vmId) === undefined) await lifecycle.reach("absent", vmId, operation);
  }
  await mkdir(deps.vmsDir, { recursive: true });
  for (const entry of await readdir(deps.vmsDir)) {
    if (deps.records.find(entry) === undefined) await removeTree(join(deps.vmsDir, entry), deps.vmsDir);
  }
}

async function reconcileNetwork(deps: VmDeps): Promise<void> {
  const attached = deps.records.list().filter((record) => record.address !== null && mayHoldNetwork(deps.journal, record.id));
  const { lost } = await deps.network.reconcile(
    attached.map((record) => ({
      vmId: record.id,
      address: record.address ?? "",
      mac: macOfAddress(record.address ?? ""),
      egress: record.egress,
    })),
  );
  for (const vmId of lost) {
    if (deps.records.get(vmId).status === "running") deps.records.update(vmId, { networkLost: true });
  }
}
