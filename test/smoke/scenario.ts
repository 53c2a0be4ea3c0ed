// What a scenario is: a name, a line about it, a class, the capabilities it needs, and its steps against the real banger.
import type { Banger, BangerResult } from "./banger.ts";
import type { Clone } from "./clone.ts";

/**
 * `pure` touches only VMs it made and fans out. `repodir` shares one throw-away git repository; these run as one chain in
 * registry order. `global` changes or counts what everybody sees: after the pool, one at a time.
 */
export type ScenarioClass = "pure" | "repodir" | "global";

export const CAPABILITIES = {
  network: "outbound network for guests (pasta, /dev/net/tun)",
  archive: "a way from this host to the archive its packages come from",
  kvm: "usable KVM",
  firecracker: "Firecracker with usable KVM",
  root: "root",
  mount: "root that may mount a file system",
} as const;
export type Capability = keyof typeof CAPABILITIES;

export interface ScenarioContext extends Banger {
  readonly scenario: string;
  /** Ends when the run is interrupted or the scenario's deadline passes. */
  readonly signal: AbortSignal;
  /** A directory of this scenario's own, removed afterwards. */
  readonly directory: string;
  /** The shared repository of `repodir` scenarios. */
  readonly repository: string;
  /** Clones it into the scenario's directory, once. */
  readonly clone: () => Clone;
  readonly log: (line: string) => void;
  /** A VM name of this scenario's own; the VM is deleted at the end whatever happens. */
  readonly name: (suffix?: string) => string;
  /** Boots a detached VM and answers its name, ready for commands. */
  readonly boot: (...flags: readonly string[]) => Promise<string>;
  /** Asks until `probe` answers something; fails with `what` at the deadline. */
  readonly until: <T>(what: string, probe: () => T | undefined | Promise<T | undefined>, timeoutMs?: number) => Promise<T>;
}

export interface Scenario {
  readonly name: string;
  readonly description: string;
  readonly class: ScenarioClass;
  readonly needs: readonly Capability[];
  /** What it may take on a slow machine, in milliseconds; default 15 minutes. */
  readonly deadlineMs?: number;
  readonly run: (context: ScenarioContext) => Promise<void>;
}

export type { BangerResult };
