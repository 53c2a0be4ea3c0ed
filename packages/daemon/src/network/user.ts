// The guests' network in user mode: a namespace held by an anchor, a way out by pasta, a bridge with a tap for each VM, and
// one nft document for all of them. Nothing here needs privilege; a root daemon has it done by an unprivileged user.
import { BangerError, type ErrorCode } from "@banger/api";
import { KeyedMutex, renderNetworkRules, tapPrefix, type RunAs } from "@banger/host";
import { parseSubnet, tapName } from "./addresses.ts";
import { availabilityOf, probeNetwork, type ProbeResult } from "./availability.ts";
import type { Attachment, HostNetwork, NetworkAvailability, Subnet, VmNetwork } from "./contract.ts";
import { dnsTargets } from "./dns-plan.ts";
import { HostObserver, type HostState } from "./host-observer.ts";
import type { HostView } from "./host-view.ts";
import { addTap, applyRules, bridgeName, devicesOf, removeTaps, setUpBridge, type NamespaceEntry } from "./namespace.ts";
import { NamespacePair } from "./namespace-pair.ts";
import { uplinkName } from "./pasta.ts";
import type { Programs } from "./programs.ts";
import { UplinkRetry } from "./uplink-retry.ts";

export type NetworkFact =
  | { readonly kind: "uplink.respawned" }
  | { readonly kind: "uplink.failed"; readonly reason: string; readonly retryInMs: number }
  | { readonly kind: "host.changed"; readonly resolver: string | null }
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

const lockKey = "network";

export class UserNetwork implements HostNetwork, Disposable {
  readonly subnet: Subnet;
  readonly #deps: UserNetworkDeps;
  readonly #lock = new KeyedMutex();
  readonly #pair: NamespacePair;
  readonly #observer: HostObserver;
  readonly #retry = new UplinkRetry();
  readonly #attached = new Map<string, VmNetwork>();
  readonly #listeners: ((vmIds: readonly string[]) => void)[] = [];
  #probe: ProbeResult | undefined;
  #hostState: HostState | undefined;
  #hostSeenAt = 0;
  #isReconciled = false;
  #isSetUp = false;
  #timer: NodeJS.Timeout | undefined;
  #isTending = false;

  constructor(deps: UserNetworkDeps) {
    this.#deps = deps;
    this.subnet = parseSubnet(deps.cidr);
    this.#observer = new HostObserver(deps.host, this.subnet);
    this.#pair = new NamespacePair({ ...deps, onExit: () => this.#tendSoon() });
  }

  async availability(): Promise<NetworkAvailability> {
    // Only a yes is kept: whoever follows the hint should not have to restart the daemon.
    if (this.#probe === undefined || !("programs" in this.#probe)) this.#probe = await probeNetwork(this.#deps);
    return availabilityOf(this.#probe);
  }

  async attach(vm: VmNetwork, signal: AbortSignal): Promise<Attachment> {
    if (!this.#isReconciled) throw new Error("a network is attached to before it was reconciled");
    using _ = await this.#lock.lock(lockKey, signal);
    const isNew = !this.#attached.has(vm.vmId);
    try {
      const entry = await this.#ensureShared(signal);
      this.#attached.set(vm.vmId, vm);
      // Rules first: there is no moment in which the tap exists without them.
      await this.#applyRules(entry, signal);
      await addTap(entry, tapName(vm.vmId), signal);
      return { tap: tapName(vm.vmId), namespace: { anchorPid: entry.anchorPid } };
    } catch (error) {
      if (isNew) await this.#undo(vm.vmId);
      throw setupError(`the network of VM ${vm.vmId} cannot be set up`, error);
    }
  }

  async detach(vmId: string): Promise<void> {
    using _ = await this.#lock.lock(lockKey);
    await this.#adoptOnce();
    try {
      await this.#remove(vmId);
    } catch (error) {
      throw setupError(`the network of VM ${vmId} cannot be removed`, error);
    }
  }

  async reconcile(vms: readonly VmNetwork[]): Promise<{ readonly lost: readonly string[] }> {
    using _ = await this.#lock.lock(lockKey);
    this.#isReconciled = true;
    const isAlive = await this.#pair.adopt();
    this.#attached.clear();
    this.#isSetUp = false;
    if (vms.length === 0 || !isAlive) {
      await this.#end();
      return { lost: vms.map(({ vmId }) => vmId) };
    }
    for (const vm of vms) this.#attached.set(vm.vmId, vm);
    try {
      return { lost: await this.#takeUp(vms) };
    } catch (error) {
      // Their namespace lives, so they have what they had. The next attach tries again, with these VMs among the rules.
      this.#deps.report({ kind: "failed", during: "reconcile", error });
      return { lost: [] };
    }
  }

  onLost(listener: (vmIds: readonly string[]) => void): void {
    this.#listeners.push(listener);
  }

  async release(): Promise<void> {
    using _ = await this.#lock.lock(lockKey);
    await this.#adoptOnce();
    await this.#end();
  }

  /** Stops looking after the processes; they live on. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #adoptOnce(): Promise<void> {
    if (this.#isReconciled || this.#pair.anchor !== null) return;
    await this.#pair.adopt();
  }

  async #end(): Promise<void> {
    this[Symbol.dispose]();
    await this.#pair.close();
    this.#attached.clear();
    this.#isSetUp = false;
  }

  async #takeUp(vms: readonly VmNetwork[]): Promise<readonly string[]> {
    const entry = await this.#ensureShared(AbortSignal.timeout(60_000));
    const devices = await devicesOf(entry.anchorPid);
    const isThere = ({ vmId }: VmNetwork) => devices.has(tapName(vmId));
    const kept = vms.filter(isThere);
    for (const vm of vms) if (!isThere(vm)) this.#attached.delete(vm.vmId);
    const taps = new Set(kept.map(({ vmId }) => tapName(vmId)));
    await removeTaps(
      entry,
      [...devices].filter((name) => name.startsWith(tapPrefix) && !taps.has(name)),
    );
    await this.#applyRules(entry);
    return vms.filter((vm) => !isThere(vm)).map(({ vmId }) => vmId);
  }

  async #remove(vmId: string): Promise<void> {
    this.#attached.delete(vmId);
    if (!this.#pair.isAnchorAlive) return;
    const entry = this.#entry(await this.#programs());
    await removeTaps(entry, [tapName(vmId)]);
    // Before a reconcile the other VMs are unknown, and their rules must stay. A rule without its tap lets nobody in.
    if (this.#isReconciled) await this.#applyRules(entry);
  }

  async #undo(vmId: string): Promise<void> {
    try {
      await this.#remove(vmId);
      if (this.#attached.size === 0) await this.#end();
    } catch (error) {
      this.#deps.report({ kind: "failed", during: "undo", error });
    }
  }

  async #ensureShared(signal: AbortSignal): Promise<NamespaceEntry> {
    const programs = await this.#programs();
    if (this.#pair.anchor !== null && !this.#pair.isAnchorAlive) await this.#lose();
    const isFresh = this.#pair.anchor === null;
    if (isFresh) await this.#pair.open(programs, signal);
    const entry = this.#entry(programs);
    if (this.#isSetUp) return entry;
    try {
      const [state] = await Promise.all([this.#look(), setUpBridge(entry, this.subnet, signal)]);
      if (!this.#pair.isPastaAlive) await this.#startFirstUplink(programs, state, signal);
    } catch (error) {
      if (isFresh) await this.#pair.close();
      throw error;
    }
    this.#isSetUp = true;
    this.#timer ??= setInterval(() => this.#tendSoon(), this.#deps.watchIntervalMs ?? 1000).unref();
    return entry;
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

  #tendSoon(): void {
    if (this.#isTending || this.#timer === undefined) return;
    this.#isTending = true;
    this.#tend()
      .catch((error: unknown) => this.#deps.report({ kind: "failed", during: "watch", error }))
      .finally(() => {
        this.#isTending = false;
      });
  }

  async #tend(): Promise<void> {
    const isDue = performance.now() - this.#hostSeenAt >= (this.#deps.hostIntervalMs ?? 5000);
    if (this.#pair.isAnchorAlive && this.#pair.isPastaAlive && !isDue) return;
    using _ = await this.#lock.lock(lockKey);
    if (this.#pair.anchor === null || !this.#isSetUp) return;
    if (!this.#pair.isAnchorAlive) return this.#lose();
    const programs = await this.#programs();
    const before = this.#hostState;
    const state = await this.#look();
    if (!this.#pair.isPastaAlive || !this.#pair.canServe(state.dns)) await this.#respawn(programs, state);
    if (JSON.stringify(before) === JSON.stringify(state)) return;
    await this.#applyRules(this.#entry(programs));
    this.#deps.report({ kind: "host.changed", resolver: state.dns.kind === "none" ? null : state.dns.server });
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

  async #lose(): Promise<void> {
    const vmIds = [...this.#attached.keys()];
    await this.#end();
    this.#deps.report({ kind: "anchor.lost", vmIds });
    if (vmIds.length > 0) for (const listener of this.#listeners) listener(vmIds);
  }

  async #look(): Promise<HostState> {
    this.#hostState = await this.#observer.look();
    this.#hostSeenAt = performance.now();
    return this.#hostState;
  }

  async #applyRules(entry: NamespaceEntry, signal?: AbortSignal): Promise<void> {
    const state = this.#hostState ?? (await this.#look());
    const document = renderNetworkRules({
      bridge: bridgeName,
      cidr: this.subnet.cidr,
      gateway: this.subnet.gateway,
      uplink: uplinkName,
      masquerade: true,
      dns: dnsTargets(state.dns, await this.#pair.forwardsTcpDns(entry.programs)),
      hostAddresses: state.addresses,
      ports: [...this.#attached.values()].map((vm) => ({ tap: tapName(vm.vmId), address: vm.address, mac: vm.mac, egress: vm.egress })),
    });
    await applyRules(entry, document, signal);
  }

  async #programs(): Promise<Programs> {
    const availability = await this.availability();
    if (!availability.available) throw new BangerError("network.setup_failed", availability.message, { hint: availability.hint });
    if (this.#probe === undefined || !("programs" in this.#probe)) throw new Error("an available network has its programs");
    return this.#probe.programs;
  }

  #entry(programs: Programs): NamespaceEntry {
    if (this.#pair.anchor === null) throw new Error("no namespace to enter");
    return { anchorPid: this.#pair.anchor.pid, programs, runAs: this.#deps.runAs };
  }
}

function setupError(message: string, error: unknown): unknown {
  const told: readonly ErrorCode[] = ["operation.cancelled", "network.setup_failed", "host.disk_full"];
  if (!(error instanceof BangerError) || told.includes(error.code)) return error;
  return new BangerError("network.setup_failed", `${message}: ${error.message}`, { hint: "banger doctor", cause: error });
}
