// The steps of a plan as effects. Each is idempotent, and what it makes is journalled before it is made.
import { rm } from "node:fs/promises";
import { BangerError } from "@banger/api";
import { isDiskFull, isProcessAlive } from "@banger/host";
import { guestConfiguration } from "../guest/configuration.ts";
import type { GuestClient } from "../guest/contract.ts";
import type { ReadyImage } from "../images/contract.ts";
import { macOfAddress } from "../network/contract.ts";
import type { Operation } from "../operations/registry.ts";
import type { VmRecord } from "../state/vm-record.ts";
import type { VmmDisk, VmmProcess, VmmSpec } from "../vmm/contract.ts";
import type { VmDeps } from "./deps.ts";
import { dataDisk, makeVmDirectory, removeVmDirectory, vmDir } from "./vm-directory.ts";
import { keepChanges, markUntaken, tryKeepChanges } from "./kept-changes.ts";
import type { Step } from "./plan.ts";
import { attachmentOf, type WithoutNetwork } from "./network-held.ts";
import { notReady } from "./not-ready.ts";
import { shutdownGuest } from "./power-off.ts";
import type { Supervisors } from "./supervisors.ts";

export interface StepContext {
  readonly deps: VmDeps;
  readonly supervisors: Supervisors;
  readonly vmId: string;
  readonly operation: Operation;
}

const GUEST_HOME = "/root";

export type Steps = Readonly<Record<Step, (context: StepContext) => Promise<void>>>;

export const steps: Steps = {
  "make-directory": async ({ deps, vmId, operation }) => {
    const { diskBytes } = deps.records.get(vmId);
    await operation.stage("disk", () => deps.journal.acquire(vmId, "directory", () => makeVmDirectory(deps, vmId, diskBytes)));
  },

  "attach-network": async ({ deps, vmId, operation }) => {
    const record = deps.records.get(vmId);
    const available = await deps.network.availability("quick");
    if (!available.available) {
      const { message: reason, hint: fix } = available;
      // Who asked for none misses nothing.
      if (record.egress !== "none") operation.warn("network.no_egress", `no network for this VM: ${reason}`, fix);
      await deps.journal.acquire(vmId, "network", () => Promise.resolve({ noNetwork: { reason, fix } } satisfies WithoutNetwork));
      return;
    }
    const vm = networkOf(record);
    await operation.stage("network", () => deps.journal.acquire(vmId, "network", () => deps.network.attach(vm, operation.signal)));
    deps.records.update(vmId, { networkLost: false });
  },

  "start-vmm": async ({ deps, supervisors, vmId, operation }) => {
    const record = deps.records.get(vmId);
    const driver = deps.drivers[record.driver];
    const spec = await vmmSpec(deps, record);
    const start = () => deps.journal.acquire(vmId, "process", () => driver.start(spec, operation.signal));
    const process = await operation.stage("vmm", start);
    supervisors.watch(vmId, process);
  },

  "configure-guest": async ({ deps, supervisors, vmId, operation }) => {
    const record = deps.records.get(vmId);
    const supervisor = supervisors.get(vmId);
    const image = await deps.images.byDigest(record.imageDigest);
    const hostKey = deps.newHostKey(record.name);
    const network = attachmentOf(deps.journal, vmId) === null ? null : networkOf(record);
    const { agentMs } = deps.deadlinesOf(supervisor.process.accelerator);
    const firstWord = () => supervisor.connect(agentMs, operation.signal);
    const guest = await operation.stage("agent", () => telling(deps, vmId, firstWord));
    const configure = async () => {
      const configuration = guestConfiguration({
        vm: { id: vmId, name: record.name, network },
        subnet: deps.network.subnet,
        disks: disksOf(deps, record, image),
        image,
        hostKey,
        authorizedKeys: record.authorizedKeys,
        git: record.gitIdentity,
        nowUnixMs: deps.now().getTime(),
      });
      // Asked first: a guest that is configured may reboot before it answers anything more.
      const { bootId } = await supervisor.pauses.unlessPaused(guest.health(operation.signal));
      // From here on the guest may change what is in its workspaces.
      markUntaken(deps, vmId);
      await supervisor.pauses.unlessPaused(guest.configure(configuration, operation.signal));
      if (record.startedAt === null) await syncFiles(deps, guest, operation);
      deps.records.update(vmId, { sshHostKey: hostKey.publicKey, bootId, startedAt: deps.now().toISOString() });
    };
    await operation.stage("configure", () => telling(deps, vmId, configure));
    supervisor.follow();
  },

  "keep-changes": keepChanges,
  "try-keep-changes": tryKeepChanges,

  condemn: ({ deps, vmId }) => {
    if (deps.records.find(vmId) !== undefined) deps.records.update(vmId, { status: "deleting" });
    return Promise.resolve();
  },

  "shutdown-guest": shutdownGuest,

  "end-vmm": async ({ deps, supervisors, vmId }) => {
    supervisors.forget(vmId);
    const process = await processOf(deps, vmId);
    await deps.journal.release(vmId, "process", async () => {
      if (process !== null) await deps.drivers[process.driver].end(process);
    });
  },

  "detach-network": async ({ deps, vmId }) => {
    await deps.journal.release(vmId, "network", () => deps.network.detach(vmId));
  },

  "retire-changes": async ({ deps, vmId }) => {
    const record = deps.records.get(vmId);
    try {
      await deps.workspaces.retire(record);
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      // All work is taken, so the disk may make room for the record of it.
      await rm(dataDisk(deps, vmId), { force: true });
      await deps.workspaces.retire(record);
    }
    deps.records.update(vmId, { workspaces: [] });
  },

  "remove-directory": async ({ deps, vmId }) => {
    await deps.journal.release(vmId, "directory", () => removeVmDirectory(deps, vmId));
  },

  forget: async ({ deps, vmId }) => {
    await deps.ports.close(vmId);
    deps.records.remove(vmId);
  },
};

/** The owner's files, at the first boot. That some are missing keeps no VM from being made. */
async function syncFiles(deps: VmDeps, guest: GuestClient, operation: Operation): Promise<void> {
  const { tar, leftOut } = await deps.fileSync.read();
  for (const reason of leftOut) operation.warn("file_sync.left_out", `file_sync: not copied: ${reason}`);
  if (tar === null) return;
  try {
    await guest.putFiles(GUEST_HOME, tar, { owner: "0:0" });
  } catch (error) {
    if (!(error instanceof BangerError) || !["api.bad_request", "guest.disk_full", "guest.failed"].includes(error.code)) throw error;
    operation.warn("file_sync.failed", `file_sync: ${error.message}`);
  }
}

/** The journalled VMM of a VM, alive or not; one whose start was not recorded is looked for. */
export async function processOf(deps: VmDeps, vmId: string): Promise<VmmProcess | null> {
  const resource = deps.journal.of(vmId).get("process");
  if (resource === undefined) return null;
  if (resource.state === "acquired") return resource.detail as VmmProcess;
  for (const driver of Object.values(deps.drivers)) {
    const found = await driver.find(vmDir(deps, vmId));
    if (found !== null && isProcessAlive(found.vmm)) return found;
  }
  return null;
}

function networkOf(record: VmRecord) {
  if (record.address === null) throw new Error(`VM ${record.id} has no address`);
  return { vmId: record.id, address: record.address, mac: macOfAddress(record.address), egress: record.egress };
}

async function vmmSpec(deps: VmDeps, record: VmRecord): Promise<VmmSpec> {
  const image = await deps.images.byDigest(record.imageDigest);
  const attachment = attachmentOf(deps.journal, record.id);
  if (record.accelerator === null) throw new Error(`VM ${record.id} has no accelerator chosen`);
  return {
    vmId: record.id,
    vcpu: record.vcpu,
    memoryMib: record.memoryMib,
    boot: image.boot,
    kernelArguments: [],
    disks: disksOf(deps, record, image),
    nic: attachment === null ? null : { tap: attachment.tap, mac: networkOf(record).mac },
    namespace: attachment?.namespace ?? null,
    accelerator: record.accelerator,
    vmDir: vmDir(deps, record.id),
  };
}

function disksOf(deps: VmDeps, record: VmRecord, image: ReadyImage): VmmDisk[] {
  return [
    { id: "base", path: image.basePath, readOnly: true },
    { id: "data", path: dataDisk(deps, record.id), readOnly: false },
    ...(image.modulesPath === null ? [] : [{ id: "modules", path: image.modulesPath, readOnly: true } as const]),
  ];
}

/** What `work` with the guest answers. Throws `guest.not_ready` where the guest does not answer, or ends. */
async function telling<T>(deps: VmDeps, vmId: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof BangerError) || cause.code !== "guest.unreachable") throw cause;
    throw await notReady(deps, { vmId, what: `the guest's agent did not answer: ${cause.message}`, cause });
  }
}
