// A VM as the API shows it: its record, and what is true of it right now.
import { stat } from "node:fs/promises";
import type { Vm } from "@banger/api";
import type { VmmProcess } from "../vmm/contract.ts";
import type { VmRecord } from "../state/vm-record.ts";
import type { VmDeps } from "./deps.ts";
import { noNetworkOf } from "./network-held.ts";
import type { Supervisors } from "./supervisors.ts";
import { dataDisk } from "./vm-directory.ts";

export async function viewOf(deps: VmDeps, supervisors: Supervisors, record: VmRecord): Promise<Vm> {
  const process = deps.journal.of(record.id).get("process");
  const disk = await stat(dataDisk(deps, record.id)).catch(() => undefined);
  return {
    id: record.id,
    name: record.name,
    status: record.status,
    stopReason: record.status === "stopped" ? record.stopReason : null,
    image: record.image,
    imageDigest: record.imageDigest,
    vcpu: record.vcpu,
    memoryMib: record.memoryMib,
    diskBytes: record.diskBytes,
    diskUsedBytes: disk === undefined ? 0 : disk.blocks * 512,
    driver: record.driver,
    accelerator: record.accelerator,
    address: record.address,
    egress: record.egress,
    networkLost: record.networkLost,
    pauseReason: supervisors.find(record.id)?.pauses.isPaused === true ? "host_disk_full" : null,
    noNetwork: noNetworkOf(deps.journal, record.id),
    forwards: record.forwards,
    readiness: supervisors.find(record.id)?.readiness ?? [],
    bootId: record.bootId,
    pid: process?.state === "acquired" && record.status === "running" ? (process.detail as VmmProcess).vmm.pid : null,
    leased: record.leased,
    createdAt: record.createdAt,
    startedAt: record.startedAt,
    sshHostKey: record.sshHostKey,
    workspaces: record.workspaces,
  };
}
