// What all VMs share, as a test sees it: who has a part, how often it was started, and a word when two things happen at once.
import assert from "node:assert/strict";
import type { VmNetwork } from "./contract.ts";
import type { SharedWorld } from "./shared-lifetime.ts";

/** What outlives a daemon. */
export class FakeHost {
  /** The one that lives, with the VMs that have a part of it. */
  live: { readonly parts: Set<string> } | null = null;
  /** Written down when it was started; what `adopt` finds. */
  recorded: FakeHost["live"] = null;
}

export interface FakeWorldOptions {
  /** Between the beginning of a step and its effect, and once more before it is done. Never resolves for a daemon that died. */
  readonly pause: (step: string) => Promise<unknown>;
  /** Whether this step fails, after it has done its work or before. */
  readonly failure: (step: string) => "before" | "after" | null;
}

export class FakeWorld implements SharedWorld<string> {
  readonly #host: FakeHost;
  readonly #options: FakeWorldOptions;
  #held: FakeHost["live"] = null;
  #busy: string | null = null;

  constructor(host: FakeHost, options: FakeWorldOptions) {
    this.#host = host;
    this.#options = options;
  }

  adopt(): Promise<boolean> {
    return this.#step("adopt", () => {
      this.#held = this.#host.recorded;
      // Like a process that was started and never written down.
      if (this.#host.live !== this.#held) this.#host.live = null;
      return this.isAlive();
    });
  }

  isAlive(): boolean {
    return this.#held !== null && this.#held === this.#host.live;
  }

  async start(): Promise<void> {
    if (this.#held !== null) return this.#step("complete", () => undefined);
    await this.#step("start", () => {
      assert.equal(this.#host.live, null, "two at once");
      this.#host.live = { parts: new Set() };
    });
    await this.#step("record", () => {
      this.#held = this.#host.recorded = this.#host.live;
    });
  }

  end(): Promise<void> {
    return this.#step("end", () => {
      this.#held = this.#host.live = this.#host.recorded = null;
    });
  }

  admit(vm: VmNetwork): Promise<string> {
    return this.#step("admit", () => {
      if (!this.isAlive()) throw new Error("died before");
      this.#host.live?.parts.add(vm.vmId);
      return vm.vmId;
    });
  }

  dismiss(vmId: string): Promise<void> {
    return this.#step("dismiss", () => void this.#host.live?.parts.delete(vmId));
  }

  takeUp(vms: readonly VmNetwork[]): Promise<readonly string[]> {
    return this.#step("takeUp", () => {
      const ids = vms.map(({ vmId }) => vmId);
      const { parts = new Set<string>() } = this.#host.live ?? {};
      for (const part of parts) if (!ids.includes(part)) parts.delete(part);
      return ids.filter((id) => !parts.has(id));
    });
  }

  async #step<T>(name: string, work: () => T): Promise<T> {
    assert.equal(this.#busy, null, `${name} while ${this.#busy ?? ""}`);
    this.#busy = name;
    try {
      const failure = this.#options.failure(name);
      await this.#options.pause(name);
      if (failure === "before") throw new Error(`${name} fails`);
      const result = work();
      await this.#options.pause(name);
      if (failure === "after") throw new Error(`${name} fails late`);
      return result;
    } finally {
      this.#busy = null;
    }
  }
}
