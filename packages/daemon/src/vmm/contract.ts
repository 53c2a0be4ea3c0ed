// What the rest of the daemon knows of a VMM. Each driver is a folder here; all pass one contract suite.
import type { Duplex } from "node:stream";
import type { AcceleratorName, DriverName } from "@banger/api";
import type { ProcessIdentity } from "@banger/host";
import type { NetworkNamespace } from "../network/contract.ts";

/** Files the kernel boots from, paths on the host. */
export interface BootFiles {
  /** bzImage, for QEMU. */
  readonly bzImage: string;
  /** Uncompressed ELF (PVH), for Firecracker. */
  readonly vmlinux: string;
  readonly initramfs: string;
}

export interface VmmDisk {
  /** virtio-blk serial or drive id; disks appear in the guest as /dev/vda, vdb, ... in list order. */
  readonly id: "base" | "modules" | "data" | "bulk";
  readonly path: string;
  readonly readOnly: boolean;
}

export interface VmmNic {
  /** Name of the tap on the host, inside `namespace` when there is one. */
  readonly tap: string;
  readonly mac: string;
}

/** Everything a driver needs to boot one VM. Plain data. */
export interface VmmSpec {
  readonly vmId: string;
  readonly vcpu: number;
  readonly memoryMib: number;
  readonly boot: BootFiles;
  /** Added after the driver's own kernel arguments. */
  readonly kernelArguments: readonly string[];
  readonly disks: readonly VmmDisk[];
  readonly nic: VmmNic | null;
  /** Where the jail runs: the network anchor, or null for no network at all. */
  readonly namespace: NetworkNamespace | null;
  readonly accelerator: AcceleratorName;
  /** The VM's own directory on the host, mode 0700, owned by who runs the VMM. The driver keeps sockets and logs here:
   *  `run/` (bound read-write into the jail as /run/vm), `console.log`, `vmm.log`. */
  readonly vmDir: string;
  /** Ends with the process that started it: a trial nobody would look for after a crash. Default false. */
  readonly isEphemeral?: boolean;
}

/** What must be remembered of a running VMM to find it again after a crash of the daemon. JSON. */
export interface VmmProcess {
  readonly driver: DriverName;
  readonly accelerator: AcceleratorName;
  readonly vmDir: string;
  /** The VMM itself, as the host sees it. */
  readonly vmm: ProcessIdentity;
  /** The jail's outer process, which ends with the VMM. */
  readonly jail: ProcessIdentity;
}

export interface VmmExit {
  /** Exit status or signal of the VMM as far as it is known; both null when nobody was there to see. */
  readonly status: number | null;
  readonly signal: string | null;
}

export interface VmmFeatures {
  readonly accelerators: readonly AcceleratorName[];
  readonly channel: "serial" | "vsock";
  readonly snapshots: boolean;
  /** Virtual CPUs that a VM may have. */
  readonly maxVcpu: number;
  /** The VMM goes on after the guest has powered off (Firecracker), and must be ended. */
  readonly outlivesPoweroff: boolean;
}

/** For a VMM that makes its guest stand still while the host's disk has no room for what it writes: nothing is lost then. */
export interface VmmPausing {
  /** Tells whether the guest stands still: at once, and at each change, until the connection to the VMM ends. Throws on abort. */
  watch(process: VmmProcess, onChange: (isPaused: boolean) => void, signal: AbortSignal): Promise<void>;
  /** Lets it go on: what did not fit is written again, and it may stand still again. */
  resume(process: VmmProcess, signal: AbortSignal): Promise<void>;
}

export interface VmmDriver {
  readonly name: DriverName;
  readonly features: VmmFeatures;
  /** Names of what the VMM writes into `vmDir` by itself, besides console.log and vmm.log. */
  readonly ownLogs?: readonly string[];
  /** Absent: the guest sees an I/O error. */
  readonly pausing?: VmmPausing;
  /** The file behind the guest's disk `bulk`, which `start` adds after all others where the channel is slow (docs/guest-protocol.md). */
  readonly bulkDisk?: (process: VmmProcess) => string;
  /** The program's version. Throws `vmm.missing` with an install hint, `vmm.unsupported` when it is too old or known bad. */
  version(): Promise<string>;
  /** Boots; answers once the process runs in its jail. Undoes itself on failure or abort. Throws `vmm.failed` with the VMM's own last words. */
  start(spec: VmmSpec, signal: AbortSignal): Promise<VmmProcess>;
  /** The VMM that was started for this directory, when its start was never recorded: from what the jail wrote there. Null
   *  when there is none. */
  find(vmDir: string): Promise<VmmProcess | null>;
  /** A new connection of the guest channel's byte stream (before any resync). Throws `guest.unreachable`. */
  connect(process: VmmProcess, signal: AbortSignal): Promise<Duplex>;
  /** Resolves when the VMM has ended, also one that this daemon did not start. */
  wait(process: VmmProcess, signal: AbortSignal): Promise<VmmExit>;
  /** Ends the VMM and its jail for sure: asks it, then kills. Idempotent. The guest must be down or expendable. */
  end(process: VmmProcess): Promise<void>;
}
