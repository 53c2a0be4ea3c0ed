// What the rest of the daemon knows of the guest: a client of the agent (docs/guest-protocol.md) over the driver's channel.
import type { Duplex, Readable } from "node:stream";
import { MIB, type ExecBody, type FileStat, type ReadinessLevel } from "@banger/api";

export interface GuestHealth {
  readonly version: string;
  readonly protocol: number;
  readonly bootId: string;
  readonly stage: "waiting" | "configuring" | "running" | "failed";
  readonly init: "systemd" | "openrc" | "other" | "none" | "";
  readonly readiness: readonly ReadinessLevel[];
  readonly uptimeMs: number;
  readonly error?: string | undefined;
}

export interface GuestDisk {
  readonly device: string;
  readonly type: "squashfs" | "erofs" | "ext4";
}

export interface GuestConfiguration {
  readonly vmId: string;
  readonly hostname: string;
  readonly machineId: string;
  readonly timeUnixMs: number;
  readonly disks: { readonly base: GuestDisk; readonly modules: GuestDisk | null; readonly data: GuestDisk };
  readonly network: {
    readonly address: string;
    readonly gateway: string;
    readonly mac: string;
    readonly resolvers: readonly string[];
    readonly search: string;
  } | null;
  readonly ssh: { readonly hostKey: string; readonly hostKeyPublic: string; readonly authorizedKeys: readonly string[] };
  readonly git: { readonly name: string; readonly email: string } | null;
  readonly env: readonly string[];
  readonly init: "auto" | "none";
}

export type GuestEvent =
  | { readonly type: "readiness"; readonly level: ReadinessLevel; readonly atMs: number }
  | { readonly type: "log"; readonly seq: number; readonly timeUnixMs: number; readonly level: string; readonly message: string }
  | { readonly type: "ending"; readonly mode: "poweroff" | "reboot" | "halt" };

export interface GuestStats {
  readonly memoryTotalBytes: number;
  readonly memoryAvailableBytes: number;
  readonly load1: number;
  readonly diskTotalBytes: number;
  readonly diskUsedBytes: number;
  readonly processes: number;
}

/** Names below a directory of the guest, in base64: names are bytes. */
export interface Selection {
  readonly path: string;
  readonly paths64: readonly string[];
}

export interface Removal extends Selection {
  /** What each of them is, empty for whatever it is. */
  readonly was?: readonly string[] | undefined;
}

/** Which files of a tree get a stamp: all that have settled, or of those only what no program has written since it was sent. */
export type Stamps = "true" | "unwritten";

/** One connection to the agent. Every call throws `guest.unreachable` once it is closed. Nothing the guest sends is trusted:
 *  sizes are bounded and shapes validated. */
export interface GuestClient extends AsyncDisposable {
  health(signal?: AbortSignal): Promise<GuestHealth>;
  /** Throws `guest.configure_failed` with the agent's words. */
  configure(configuration: GuestConfiguration, signal?: AbortSignal): Promise<void>;
  /** Replays what has happened, then follows until the connection or the signal ends. */
  events(signal: AbortSignal): AsyncIterable<GuestEvent>;
  /** The exec stream: frames of @banger/api frames.ts both ways; the start frame has been sent. */
  exec(spec: Omit<ExecBody, "wait"> & { readonly stdin: boolean }): Promise<Duplex>;
  /** Raw bytes, half-close kept. Throws `guest.unreachable` with the guest's reason when nothing answers there. */
  dial(network: "tcp" | "unix", address: string, signal?: AbortSignal): Promise<Duplex>;
  /** Throws `workspace.conflict` for an entry that says what it replaces, where something else is. */
  putFiles(path: string, tar: Readable, options?: { readonly owner?: string }): Promise<{ readonly files: number; readonly bytes: number }>;
  /** Throws `guest.path_not_found`. */
  getFiles(path: string): Promise<Readable>;
  /** Throws `guest.path_not_found`. */
  statFile(path: string): Promise<FileStat>;
  /** A tar of those files, each named by its position in the selection. */
  selectFiles(selection: Selection): Promise<Readable>;
  /** Removes those files and what directories are empty then. Throws `workspace.conflict` for one that is not what it was. */
  removeFiles(selection: Removal): Promise<{ readonly files: number }>;
  /** Lines of what is below a directory, as the guest tells it: whoever reads them checks them. */
  tree(path: string, options?: { readonly stamps?: Stamps | undefined }): Promise<Readable>;
  /** The same of a selection, with ids of contents. */
  treeIds(selection: Selection): Promise<Readable>;
  stats(): Promise<GuestStats>;
  setClock(timeUnixMs: number): Promise<void>;
  shutdown(mode: "poweroff" | "reboot", graceMs: number): Promise<void>;
  /** Resolves when the connection is gone, whoever ended it. */
  readonly closed: Promise<void>;
}

const SLOTS = 4;
/** The layout of the bulk disk: part N lies at the beginning of slot N mod `slots`, and is at most `slotBytes` long. */
export const BULK_DISK = { slots: SLOTS, slotBytes: MIB, bytes: SLOTS * MIB } as const;

export interface ConnectOptions {
  readonly kind: "serial" | "vsock";
  /** Opens the channel's byte stream; called again for each try. */
  readonly open: (signal: AbortSignal) => Promise<Duplex>;
  /** The file behind the VM's bulk disk (docs/guest-protocol.md). It may be missing. Default: the guest has no such disk. */
  readonly bulkDisk?: string | undefined;
  readonly signal: AbortSignal;
  /** Milliseconds to keep trying until the agent answers health. */
  readonly timeoutMs: number;
}

/** Connects, resyncs where the channel needs it, and answers once health was answered. Throws `guest.unreachable`. */
export type ConnectGuest = (options: ConnectOptions) => Promise<GuestClient>;
