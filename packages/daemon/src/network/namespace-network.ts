// What all guests' networks share in user mode, as things in the world: a namespace held by an anchor, a way out by pasta, a
// bridge with a tap for each VM, and one nft document for all of them. When any of it is done is the lifetime's to say.
import { renderNetworkRules, tapPrefix, type RunAs } from "@banger/host";
import { tapName } from "./addresses.ts";
import type { Attachment, Subnet, VmNetwork } from "./contract.ts";
import { dnsTargets } from "./dns-plan.ts";
import { HostObserver, type HostState } from "./host-observer.ts";
import type { HostView } from "./host-view.ts";
import { addTap, applyRules, bridgeName, devicesOf, removeTaps, setUpBridge, type NamespaceEntry } from "./namespace.ts";
import { NamespacePair, type NamespacePairDeps } from "./namespace-pair.ts";
import { uplinkName } from "./pasta.ts";
import type { Programs } from "./programs.ts";
import type { SharedWorld } from "./shared-lifetime.ts";
import { UplinkRetry } from "./uplink-retry.ts";

export type UplinkFact =
  | { readonly kind: "uplink.respawned" }
  | { readonly kind: "uplink.failed"; readonly reason: string; readonly retryInMs: number }
  | { readonly kind: "host.changed"; readonly resolver: string | null };

export interface NamespaceNetworkDeps extends NamespacePairDeps {
  readonly subnet: Subnet;
  readonly runAs: RunAs | null;
  readonly host: HostView;
  /** Throws `network.setup_failed` where they cannot be had. */
  readonly programs: () => Promise<Programs>;
  readonly report: (fact: UplinkFact) => void;
}

export class NamespaceNetwork implements SharedWorld<Attachment> {
  readonly #deps: NamespaceNetworkDeps;
  readonly #pair: NamespacePair;
  readonly #observer: HostObserver;
  readonly #retry = new UplinkRetry();
  #hostState: HostState | undefined;
  /** What the rules in force were written for. */
  #rulesFor: HostState | undefined;
  #hostSeenAt = 0;

  constructor(deps: NamespaceNetworkDeps) {
    this.#deps = deps;
    this.#observer = new HostObserver(deps.host, deps.subnet);
    this.#pair = new NamespacePair(deps);
  }

  adopt(): Promise<boolean> {
    return this.#pair.adopt();
  }

  isAlive(): boolean {
    return this.#pair.isAnchorAlive;
  }

  async start(signal: AbortSignal): Promise<void> {
    const programs = await this.#deps.programs();
    if (this.#pair.anchor === null) await this.#pair.open(programs, signal);
    const entry = this.#entry(programs);
    const [state] = await Promise.all([this.#look(), setUpBridge(entry, this.#deps.subnet, signal)]);
    if (!this.#pair.isPastaAlive) await this.#startFirstUplink(programs, state, signal);
  }

  end(): Promise<void> {
    return this.#pair.close();
  }

  async admit(vm: VmNetwork, all: readonly VmNetwork[], signal: AbortSignal): Promise<Attachment> {
    const entry = this.#entry(await this.#deps.programs());
    // Rules first: there is no moment in which the tap exists without them.
    await this.#applyRules(entry, all, signal);
    await addTap(entry, tapName(vm.vmId), signal);
    return { tap: tapName(vm.vmId), namespace: { anchorPid: entry.anchorPid } };
  }

  async dismiss(vmId: string, rest: readonly VmNetwork[] | null): Promise<void> {
    const entry = this.#entry(await this.#deps.programs());
    await removeTaps(entry, [tapName(vmId)]);
    // While the others are unknown their rules must stay. A rule without its tap lets nobody in.
    if (rest !== null) await this.#applyRules(entry, rest);
  }

  async takeUp(vms: readonly VmNetwork[]): Promise<readonly string[]> {
    await this.start(AbortSignal.timeout(60_000));
    const entry = this.#entry(await this.#deps.programs());
    const devices = await devicesOf(entry.anchorPid);
    const kept = vms.filter(({ vmId }) => devices.has(tapName(vmId)));
    const taps = new Set(kept.map(({ vmId }) => tapName(vmId)));
    await removeTaps(
      entry,
      [...devices].filter((name) => name.startsWith(tapPrefix) && !taps.has(name)),
    );
    await this.#applyRules(entry, kept);
    return vms.filter((vm) => !kept.includes(vm)).map(({ vmId }) => vmId);
  }

  /** Whether something asks to be looked after: a process that died, or a host not looked at for so long. */
  needsTending(hostIntervalMs: number): boolean {
    return !this.#pair.isAnchorAlive || !this.#pair.isPastaAlive || performance.now() - this.#hostSeenAt >= hostIntervalMs;
  }

  /** Brings the way out back if it is gone, and the rules up to the host as it is now. */
  async tend(all: readonly VmNetwork[]): Promise<void> {
    const programs = await this.#deps.programs();
    const state = await this.#look();
    if (!this.#pair.isPastaAlive || !this.#pair.canServe(state.dns)) await this.#respawn(programs, state);
    if (JSON.stringify(this.#rulesFor) === JSON.stringify(state)) return;
    await this.#applyRules(this.#entry(programs), all);
    this.#deps.report({ kind: "host.changed", resolver: state.dns.kind === "none" ? null : state.dns.server });
  }

  // A host that is offline now, a laptop say, still gets its VMs: pasta is tried again until it finds a way out.
  async #startFirstUplink(programs: Programs, state: HostState, signal: AbortSignal): Promise<void> {
    try {
      await this.#pair.startUplink(programs, state.dns, signal);
    } catch (error) {
      if (signal.aborted || (await this.#deps.host.hasDefaultRoute())) throw error;
      this.#uplinkFailed(error);
    }
  }

  async #respawn(programs: Programs, state: HostState): Promise<void> {
    if (!this.#retry.isDue()) return;
    try {
      await this.#pair.startUplink(programs, state.dns, AbortSignal.timeout(15_000));
      this.#retry.started();
      this.#deps.report({ kind: "uplink.respawned" });
    } catch (error) {
      this.#uplinkFailed(error);
    }
  }

  #uplinkFailed(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.#deps.report({ kind: "uplink.failed", reason, retryInMs: this.#retry.failed() });
  }

  async #look(): Promise<HostState> {
    this.#hostState = await this.#observer.look();
    this.#hostSeenAt = performance.now();
    return this.#hostState;
  }

  async #applyRules(entry: NamespaceEntry, vms: readonly VmNetwork[], signal?: AbortSignal): Promise<void> {
    const state = this.#hostState ?? (await this.#look());
    const { cidr, gateway } = this.#deps.subnet;
    const document = renderNetworkRules({
      bridge: bridgeName,
      cidr,
      gateway,
      uplink: uplinkName,
      masquerade: true,
      dns: dnsTargets(state.dns, await this.#pair.forwardsTcpDns(entry.programs)),
      hostAddresses: state.addresses,
      ports: vms.map((vm) => ({ tap: tapName(vm.vmId), address: vm.address, mac: vm.mac, egress: vm.egress })),
    });
    await applyRules(entry, document, signal);
    this.#rulesFor = state;
  }

  #entry(programs: Programs): NamespaceEntry {
    if (this.#pair.anchor === null) throw new Error("no namespace to enter");
    return { anchorPid: this.#pair.anchor.pid, programs, runAs: this.#deps.runAs };
  }
}
