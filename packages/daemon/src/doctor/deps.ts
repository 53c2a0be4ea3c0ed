// What the checks may ask of the host and of the rest of the daemon. None of it creates or changes anything, but the
// accelerator's probe, which remembers its answer.
import type { AcceleratorName, EffectiveSpec } from "@banger/api";
import type { run } from "@banger/host";
import type { FileSync } from "../file-sync/contract.ts";
import type { ImageService } from "../images/contract.ts";
import type { NetworkAvailability } from "../network/contract.ts";
import type { PastaVersion } from "../network/pasta-version.ts";
import type { NamedUser } from "../vm-user.ts";

export interface AcceleratorReport {
  readonly accelerator: AcceleratorName;
  /** Why it is not KVM, or not known to work, for people; empty when it does. */
  readonly reason: string;
  /** The command that would make it KVM, where one does. */
  readonly fix?: string;
  /** Milliseconds a test boot took to the agent's first word; null when none was made. */
  readonly agentAfterMs: number | null;
}

/** Where the host keeps what is checked; a test points them elsewhere. */
export interface HostFiles {
  readonly tun: string;
  readonly subuid: string;
  readonly subgid: string;
  readonly osRelease: string;
  /** /proc/sys */
  readonly sysctl: string;
  readonly debianKeyring: string;
}

export const HOST_FILES: HostFiles = {
  tun: "/dev/net/tun",
  subuid: "/etc/subuid",
  subgid: "/etc/subgid",
  osRelease: "/etc/os-release",
  sysctl: "/proc/sys",
  debianKeyring: "/usr/share/keyrings/debian-archive-keyring.gpg",
};

export interface DoctorDeps {
  /** As process.arch says. */
  readonly architecture: string;
  /** Who the daemon is. */
  readonly user: { readonly name: string; readonly uid: number };
  /** Who runs VMMs and recipes for a root daemon; null: the daemon itself. Throws `host.no_vm_user`. */
  readonly vmUser: () => Promise<NamedUser | null>;
  /** PATH. */
  readonly searchPath: string;
  readonly directories: Readonly<Record<"data" | "cache" | "state" | "vms" | "scratch", string>>;
  readonly files: HostFiles;
  readonly run: typeof run;
  /** Throws `host.no_vm_user`. */
  readonly probe: (signal: AbortSignal) => Promise<AcceleratorReport>;
  /** Throws `host.no_vm_user`. */
  readonly network: () => Promise<NetworkAvailability>;
  /** Null when it is not installed. */
  readonly pastaVersion: () => Promise<PastaVersion | null>;
  readonly images: Pick<ImageService, "find" | "show">;
  /** Throws `config.invalid`, `host.resources`. */
  readonly defaults: () => Promise<EffectiveSpec>;
  /** Throws `config.invalid`. */
  readonly defaultImage: () => Promise<string>;
  /** Reads config.toml. Throws `config.invalid`. */
  readonly config: () => Promise<unknown>;
  readonly fileSync: Pick<FileSync, "look">;
  /** The configured Firecracker, or null to look on PATH. Throws `config.invalid`. */
  readonly firecrackerBin: () => Promise<string | null>;
}
