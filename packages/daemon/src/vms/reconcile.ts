// The only recovery: after any death of the daemon, compare what was intended with what exists, and finish or undo it. What a
// guest takes its time for, to go down or to boot again, goes on under its VM's lock while the daemon answers already.
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { StopReason } from "@banger/api";
import { hostBootId, isProcessAlive, removeTree } from "@banger/host";
import { macOfAddress } from "../network/contract.ts";
import type { Operation } from "../operations/registry.ts";
import type { VmRecord } from "../state/vm-record.ts";
import type { VmDeps } from "./deps.ts";
import type { Lifecycle, SeenEnd } from "./lifecycle.ts";
import { mayHoldNetwork } from "./network-held.ts";
import { processOf } from "./steps.ts";
import type { VmmProcess } from "../vmm/contract.ts";

/** Settles every VM, or has begun to; one that cannot be settled is logged and does not stop the others. */
export async function reconcile(deps: VmDeps, lifecycle: Lifecycle, operation: Operation): Promise<void> {
  await reconcileNetwork(deps);
  await Promise.all(deps.records.list().map((record) => logged(deps, record, settle({ deps, lifecycle, operation }, record))));
  await removeOrphans(deps, lifecycle, operation);
}

async function logged({ log }: VmDeps, { id, name }: VmRecord, settling: Promise<void>): Promise<void> {
  try {
    await settling;
  } catch (error) {
    log({ vm: id, name, error: String(error) }, "a VM could not be reconciled");
  }
}

interface Recovery {
  readonly deps: VmDeps;
  readonly lifecycle: Lifecycle;
  readonly operation: Operation;
}

async function settle({ deps, lifecycle, operation }: Recovery, record: VmRecord): Promise<void> {
  if (record.status === "creating" || record.status === "deleting") return lifecycle.remove(record.id, operation);
  const process = await processOf(deps, record.id);
  const isAlive = process !== null && isProcessAlive(process.vmm);
  if (process !== null && record.status === "running") {
    if (isAlive) return adopt({ deps, lifecycle, operation }, record, process);
    if (process.vmm.bootId === hostBootId()) return conclude({ deps, lifecycle, operation }, record, process);
  }
  if (isAlive && record.status === "stopping") {
    // Its guest is on its way down, or still to be asked.
    lifecycle.supervisors.watch(record.id, process).follow();
    return void logged(deps, record, lifecycle.finishStop(record.id, reasonOf(record)));
  }
  // A start or stop that was cut short is undone: what the guest was to be told was in the dead daemon's memory alone.
  await lifecycle.abandon(record.id, reasonOf(record), operation);
}

/** A VMM that ended while no daemon was there. */
async function conclude({ deps, lifecycle }: Recovery, record: VmRecord, process: VmmProcess): Promise<void> {
  const next = await lifecycle.judge(record.id, await lastEnd(deps, process));
  const concluded = logged(deps, record, lifecycle.conclude(record.id, next));
  if (next.action === "stopped") await concluded;
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
  for (const mapping of record.forwards) {
    try {
      await deps.ports.open(record.id, [mapping]);
    } catch (error) {
      // Noted still: its next start says so, or opens it.
      deps.log({ vm: record.id, name: record.name, mapping, error: String(error) }, "a published port could not be opened again");
    }
  }
}

async function lastEnd(deps: VmDeps, process: VmmProcess): Promise<SeenEnd> {
  const unseen = { status: null, signal: null };
  const exit = await deps.drivers[process.driver].wait(process, AbortSignal.timeout(2_000)).catch(() => unseen);
  return { exit, announced: null, wasReady: null };
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
