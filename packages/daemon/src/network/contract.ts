// What the rest of the daemon knows of the host's network. User mode runs `ip` and `nft` inside the anchor's namespaces;
// system mode asks the privileged helper.

/** A user + network namespace pair, entered with nsenter by the pid of the process that holds it. */
export interface NetworkNamespace {
  readonly anchorPid: number;
}

export interface Subnet {
  /** Network address with prefix length, such as `172.16.0.0/24`. */
  readonly cidr: string;
  readonly gateway: string;
  readonly prefixLength: number;
  readonly resolver: string;
}

export interface VmNetwork {
  readonly vmId: string;
  /** IPv4 address inside the subnet. */
  readonly address: string;
  readonly mac: string;
  readonly egress: "full" | "none";
}

export interface Attachment {
  /** At most 15 characters, derived from the VM's id. */
  readonly tap: string;
  readonly namespace: NetworkNamespace | null;
}

/** Why there is no network here, for people: `message`, and `hint` with what to type. */
export interface NetworkUnavailable {
  readonly available: false;
  readonly message: string;
  readonly hint: string;
}
export type NetworkAvailability = { readonly available: true } | NetworkUnavailable;

/** `quick`: what goes away under a running daemon, once all was found good: programs, the device. `thorough`: all of it. */
export type CheckDepth = "quick" | "thorough";

export interface HostNetwork {
  readonly subnet: Subnet;
  /** Whether guests can have a network on this host now. */
  availability(depth: CheckDepth): Promise<NetworkAvailability>;
  /** Makes the VM's tap (and, first, whatever all VMs share). Idempotent. Only after a `reconcile`, which tells the VMs that
   *  are there already. Throws `network.setup_failed`. */
  attach(vm: VmNetwork, signal: AbortSignal): Promise<Attachment>;
  /** Removes the VM's tap and rules. Idempotent; also of a VM it never attached. */
  detach(vmId: string): Promise<void>;
  /** After a daemon start: finds what a former daemon made, removes what belongs to none of `vms`, and answers the VMs whose
   *  network is gone while they run. */
  reconcile(vms: readonly VmNetwork[]): Promise<{ readonly lost: readonly string[] }>;
  /** Calls back with the ids of running VMs whose network has just been lost. */
  onLost(listener: (vmIds: readonly string[]) => void): void;
  /** Ends what all VMs share if none is attached; called whenever one may have been the last. Idempotent. */
  release(): Promise<void>;
}

/** MAC of a VM: locally administered, from its IPv4 address (02:fc: + the four bytes). */
export function macOfAddress(address: string): string {
  const bytes = address.split(".").map((part) => Number(part).toString(16).padStart(2, "0"));
  return ["02", "fc", ...bytes].join(":");
}
