// What the life of a VM needs from the rest of the daemon.
import type { DriverName, PortMapping } from "@banger/api";
import type { RunAs } from "@banger/host";
import type { FileSync } from "../file-sync/contract.ts";
import type { ConnectGuest } from "../guest/contract.ts";
import type { SshKeyPair } from "../guest/openssh-key.ts";
import type { ImageService } from "../images/contract.ts";
import type { HostNetwork } from "../network/contract.ts";
import type { Journal } from "../state/journal.ts";
import type { VmRecords } from "../state/vm-records.ts";
import type { Operation } from "../operations/registry.ts";
import type { DriverChoice, DriverWish } from "../vmm/accelerator.ts";
import type { VmmDriver } from "../vmm/contract.ts";
import type { WorkspaceFiles } from "../workspaces/service.ts";
import type { DeadlinesOf } from "./deadlines.ts";
import type { Steps } from "./steps.ts";

/** The listeners on the host of published ports. */
export interface PublishedPorts {
  /** Listens for all of `mappings` or for none; answers them with the ports the kernel chose. Throws `network.port_in_use`. */
  open(vmId: string, mappings: readonly PortMapping[]): Promise<PortMapping[]>;
  /** Stops listening for one, or for all of a VM. Idempotent. */
  close(vmId: string, only?: Pick<PortMapping, "hostAddress" | "hostPort">): Promise<void>;
}

export interface VmDeps {
  readonly records: VmRecords;
  readonly journal: Journal;
  readonly drivers: Readonly<Record<DriverName, VmmDriver>>;
  /** Throws `vmm.missing` or `vmm.unsupported` when the wanted one cannot be had. */
  readonly chooseDriver: (wish: DriverWish, operation: Pick<Operation, "signal" | "stage">) => Promise<DriverChoice>;
  readonly network: HostNetwork;
  readonly ports: PublishedPorts;
  readonly images: ImageService;
  readonly connectGuest: ConnectGuest;
  /** A fresh host key; its private half is only ever handed to the guest. */
  readonly newHostKey: (vmName: string) => SshKeyPair;
  readonly workspaces: WorkspaceFiles;
  /** What a new VM gets of its owner's files. */
  readonly fileSync: FileSync;
  readonly deadlinesOf: DeadlinesOf;
  readonly steps: Steps;
  /** Throws `host.disk_full` when there is none for a VM to run in. */
  readonly requireRoom: () => Promise<void>;
  /** Directory of all VMs' directories. */
  readonly vmsDir: string;
  /** Who runs VMMs and owns their files; null: the daemon's own user. */
  readonly runAs: RunAs | null;
  readonly now: () => Date;
  /** Stands still while the host is suspended. */
  readonly monotonicMs: () => number;
  readonly randomHex: (bytes: number) => string;
  readonly log: (fields: Readonly<Record<string, unknown>>, message: string) => void;
}
