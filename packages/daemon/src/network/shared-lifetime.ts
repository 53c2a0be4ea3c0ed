// When what all VMs' networks share begins and ends: one state machine, every step of it under one lock. It begins with the
// first VM that is attached, and ends when it is released while nobody is. Who is attached is counted here and nowhere else,
// so an end and another's begin may cross in any order.
import { KeyedMutex } from "@banger/host";
import type { VmNetwork } from "./contract.ts";

/**
 * `starting`: it may be there in part, or was found after a crash and is not taken up yet; the next attach completes it.
 * `ending`: an end was begun and is tried again before anything else, because it did not get through.
 */
export type SharedState = "absent" | "starting" | "up" | "ending";

/** What is done to the world. Never called twice at once. */
export interface SharedWorld<Part> {
  /** Finds what a former daemon left, and ends what cannot be used; answers whether it lives. */
  adopt(): Promise<boolean>;
  /** Whether what was started or adopted, and nothing else in its place, still lives. */
  isAlive(): boolean;
  /** Makes what is shared, or completes what is there. */
  start(signal: AbortSignal): Promise<void>;
  /** Ends all of it, for sure, with every VM's part. Idempotent. */
  end(): Promise<void>;
  /** Gives `vm` its part. Idempotent. `all`: everybody attached, with it. */
  admit(vm: VmNetwork, all: readonly VmNetwork[], signal: AbortSignal): Promise<Part>;
  /** Takes away a VM's part, if it has one. `rest`: who stays; null before a reconcile, when nobody knows. */
  dismiss(vmId: string, rest: readonly VmNetwork[] | null): Promise<void>;
  /** Completes what was adopted and clears what is nobody's; answers those of `vms` that have lost their part. */
  takeUp(vms: readonly VmNetwork[]): Promise<readonly string[]>;
}

export interface SharedLifetimeDeps<Part> {
  readonly world: SharedWorld<Part>;
  /** Told who was attached when it was found dead. */
  readonly onLost: (vmIds: readonly string[]) => void;
  /** Told what went wrong where the caller is better served by going on. */
  readonly onFailure: (during: "undo" | "reconcile", error: unknown) => void;
}

const lockKey = "shared";

export class SharedLifetime<Part> {
  readonly #deps: SharedLifetimeDeps<Part>;
  readonly #lock = new KeyedMutex();
  readonly #attached = new Map<string, VmNetwork>();
  #state: SharedState = "absent";
  #isReconciled = false;

  constructor(deps: SharedLifetimeDeps<Part>) {
    this.#deps = deps;
  }

  get state(): SharedState {
    return this.#state;
  }

  /** Idempotent. Only after a `reconcile`: before, the rules of VMs it does not know would be lost. */
  async attach(vm: VmNetwork, signal: AbortSignal): Promise<Part> {
    if (!this.#isReconciled) throw new Error("a network is attached to before it was reconciled");
    using _ = await this.#lock.lock(lockKey, signal);
    await this.#settle();
    const isNew = !this.#attached.has(vm.vmId);
    this.#attached.set(vm.vmId, vm);
    try {
      await this.#bringUp(signal);
      return await this.#deps.world.admit(vm, this.#all(), signal);
    } catch (error) {
      if (isNew) await this.#undo(vm.vmId);
      throw error;
    }
  }

  /** Idempotent; also of a VM that was never attached. */
  async detach(vmId: string): Promise<void> {
    using _ = await this.#lock.lock(lockKey);
    if (!this.#isReconciled && this.#state === "absent" && (await this.#deps.world.adopt())) this.#state = "starting";
    this.#attached.delete(vmId);
    await this.#settle();
    await this.#dismiss(vmId);
  }

  /** Ends it if nobody is attached. Idempotent. Before a `reconcile` it cannot be known, and nothing happens. */
  async release(): Promise<void> {
    using _ = await this.#lock.lock(lockKey);
    if (!this.#isReconciled) return;
    await this.#settle();
    if (this.#attached.size === 0 && this.#state !== "absent") await this.#end();
  }

  /** `vms` are those attached from now on, and answers those of them that lost it; what is nobody's is ended. */
  async reconcile(vms: readonly VmNetwork[]): Promise<readonly string[]> {
    using _ = await this.#lock.lock(lockKey);
    const { world, onFailure } = this.#deps;
    this.#attached.clear();
    const isAlive = await world.adopt();
    this.#isReconciled = true;
    this.#state = "starting";
    if (vms.length === 0 || !isAlive) {
      await this.#end();
      return vms.map(({ vmId }) => vmId);
    }
    for (const vm of vms) this.#attached.set(vm.vmId, vm);
    try {
      const lost = await world.takeUp(vms);
      for (const vmId of lost) this.#attached.delete(vmId);
      this.#state = "up";
      return lost;
    } catch (error) {
      // It lives, so they have what they had. The next attach tries again, with these VMs among the rules.
      onFailure("reconcile", error);
      return [];
    }
  }

  /** Notices a death, finishes an end, and does `work` if it is up then. Nothing begins or ends meanwhile. */
  async tend(work: (all: readonly VmNetwork[]) => Promise<void>): Promise<void> {
    using _ = await this.#lock.lock(lockKey);
    await this.#settle();
    if (this.#state === "up") await work(this.#all());
  }

  #all(): readonly VmNetwork[] {
    return [...this.#attached.values()];
  }

  async #settle(): Promise<void> {
    if (this.#state === "ending") await this.#end();
    else if (this.#state !== "absent" && !this.#deps.world.isAlive()) await this.#lose();
  }

  async #bringUp(signal: AbortSignal): Promise<void> {
    if (this.#state === "up") return;
    this.#state = "starting";
    await this.#deps.world.start(signal);
    this.#state = "up";
  }

  async #end(): Promise<void> {
    this.#state = "ending";
    await this.#deps.world.end();
    this.#state = "absent";
  }

  async #lose(): Promise<void> {
    const vmIds = [...this.#attached.keys()];
    this.#attached.clear();
    try {
      await this.#end();
    } finally {
      this.#deps.onLost(vmIds);
    }
  }

  async #dismiss(vmId: string): Promise<void> {
    const { world } = this.#deps;
    const isThere = this.#state === "starting" || this.#state === "up";
    if (isThere && world.isAlive()) await world.dismiss(vmId, this.#isReconciled ? this.#all() : null);
  }

  async #undo(vmId: string): Promise<void> {
    this.#attached.delete(vmId);
    try {
      if (this.#attached.size === 0) await this.#end();
      else await this.#dismiss(vmId);
    } catch (error) {
      this.#deps.onFailure("undo", error);
    }
  }
}
