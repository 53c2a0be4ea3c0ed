// The guests' network in user mode. Nothing here needs privilege; a root daemon has it done by an unprivileged user.
import { BangerError } from "@banger/api";
import type { RunAs } from "@banger/host";
import { parseSubnet } from "./addresses.ts";
import { Availability } from "./availability.ts";
import type { Attachment, CheckDepth, HostNetwork, NetworkAvailability, Subnet, VmNetwork } from "./contract.ts";
import type { HostView } from "./host-view.ts";
import { NamespaceNetwork, type UplinkFact } from "./namespace-network.ts";
import { SharedLifetime } from "./shared-lifetime.ts";

export type NetworkFact =
  | UplinkFact
  | { readonly kind: "anchor.lost"; readonly vmIds: readonly string[] }
  | { readonly kind: "failed"; readonly during: "watch" | "undo" | "reconcile"; readonly error: unknown };

export interface UserNetworkDeps {
  /** Names this installation; processes are marked with its hash. */
  readonly dataDir: string;
  /** JSON file that remembers anchor and pasta; its directory exists. */
  readonly recordFile: string;
  /** Output of anchor and pasta. */
  readonly logFile: string;
  readonly cidr: string;
  /** Whose processes these are when the daemon is root. */
  readonly runAs: RunAs | null;
  /** PATH to find the programs on. */
  readonly searchPath: string;
  readonly host: HostView;
  readonly report: (fact: NetworkFact) => void;
  /** How often the processes are looked after; default 1000. */
  readonly watchIntervalMs?: number;
  /** How often the host's resolver and addresses are compared; default 5000. */
  readonly hostIntervalMs?: number;
}

export class UserNetwork implements HostNetwork, Disposable {
  readonly subnet: Subnet;
  readonly #deps: UserNetworkDeps;
  readonly #availability: Availability;
  readonly #shared: NamespaceNetwork;
  readonly #lifetime: SharedLifetime<Attachment>;
  readonly #listeners: ((vmIds: readonly string[]) => void)[] = [];
  #timer: NodeJS.Timeout | undefined;
  #isTending = false;

  constructor(deps: UserNetworkDeps) {
    this.#deps = deps;
    this.subnet = parseSubnet(deps.cidr);
    this.#availability = new Availability(deps);
    this.#shared = new NamespaceNetwork({
      ...deps,
      subnet: this.subnet,
      programs: () => this.#availability.programs(),
      onExit: () => this.#tendSoon(),
    });
    this.#lifetime = new SharedLifetime({
      world: this.#shared,
      onLost: (vmIds) => this.#lost(vmIds),
      onFailure: (during, error) => deps.report({ kind: "failed", during, error }),
    });
  }

  availability(depth: CheckDepth): Promise<NetworkAvailability> {
    return this.#availability.check(depth);
  }

  async attach(vm: VmNetwork, signal: AbortSignal): Promise<Attachment> {
    try {
      const attachment = await this.#lifetime.attach(vm, signal);
      this.#watch();
      return attachment;
    } catch (error) {
      // The next VM finds out whether it was the host.
      this.#availability.doubt();
      throw setupError(`the network of VM ${vm.vmId} cannot be set up`, error);
    }
  }

  async detach(vmId: string): Promise<void> {
    try {
      await this.#lifetime.detach(vmId);
    } catch (error) {
      throw setupError(`the network of VM ${vmId} cannot be removed`, error);
    }
  }

  async reconcile(vms: readonly VmNetwork[]): Promise<{ readonly lost: readonly string[] }> {
    const lost = await this.#lifetime.reconcile(vms);
    if (this.#lifetime.state !== "absent") this.#watch();
    return { lost };
  }

  onLost(listener: (vmIds: readonly string[]) => void): void {
    this.#listeners.push(listener);
  }

  release(): Promise<void> {
    return this.#lifetime.release();
  }

  /** Stops looking after the processes; they live on. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #watch(): void {
    this.#timer ??= setInterval(() => this.#tendSoon(), this.#deps.watchIntervalMs ?? 1000).unref();
  }

  #tendSoon(): void {
    const { state } = this.#lifetime;
    if (state === "absent") this[Symbol.dispose]();
    const isDue = state === "ending" || this.#shared.needsTending(this.#deps.hostIntervalMs ?? 5000);
    if (this.#isTending || this.#timer === undefined || !isDue) return;
    this.#isTending = true;
    this.#lifetime
      .tend((all) => this.#shared.tend(all))
      .catch((error: unknown) => this.#deps.report({ kind: "failed", during: "watch", error }))
      .finally(() => {
        this.#isTending = false;
      });
  }

  #lost(vmIds: readonly string[]): void {
    this.#deps.report({ kind: "anchor.lost", vmIds });
    if (vmIds.length > 0) for (const listener of this.#listeners) listener(vmIds);
  }
}

function setupError(message: string, error: unknown): unknown {
  if (!(error instanceof BangerError) || error.code === "operation.cancelled" || error.code === "network.setup_failed") return error;
  return new BangerError("network.setup_failed", `${message}: ${error.message}`, { hint: "banger doctor", cause: error });
}
