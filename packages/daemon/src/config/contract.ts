// The daemon's settings: ~/.config/banger/config.toml, checked, and the effective defaults of a new VM.
import type { EffectiveSpec } from "@banger/api";

export interface Config {
  readonly defaultImageName: string;
  /** Private key the owner's ssh uses; its `.pub` goes into guests. Absolute; null: banger's own key. */
  readonly sshKeyPath: string | null;
  readonly firecrackerBin: string | null;
  readonly vmDefaults: { readonly vcpu?: number; readonly memoryMib?: number; readonly diskBytes?: number };
  /** What every new VM gets at its first boot. */
  readonly fileSync: readonly SyncedPath[];
}

export interface SyncedPath {
  /** Absolute, below the owner's home. */
  readonly host: string;
  /** Relative to root's home in the guest. */
  readonly guest: string;
  /** Permission bits of the file, or of every file in the directory; null: 0600 for a file, as they are for a directory. */
  readonly mode: number | null;
}

/** What the defaults are derived from. */
export interface HostResources {
  readonly cpus: number;
  readonly memoryTotalBytes: number;
  readonly memoryAvailableBytes: number;
  /** The file system that holds the VMs; left out where it is not known. */
  readonly disk?: { readonly totalBytes: number; readonly availableBytes: number };
}

export interface SpecRequest {
  readonly vcpu?: number | undefined;
  readonly memoryMib?: number | undefined;
  readonly diskBytes?: number | undefined;
  readonly image?: string | undefined;
}

/** Flags, then config, then host heuristics, then constants; each value with where it came from. Pure. Throws `vm.bad_spec` or
 *  `host.resources` for what the host cannot give. */
export type ResolveSpec = (request: SpecRequest, config: Config, host: HostResources) => EffectiveSpec;
