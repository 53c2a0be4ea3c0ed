// `vm run --rm`: a leased VM is deleted when the connection that holds its lease closes. Between two holders, as after a
// crash of the daemon, it is kept for a while.

/** How long a leased VM waits for a holder, in milliseconds. */
export const LEASE_GRACE_MS = 30_000;

export interface LeaseDeps {
  /** Deletes the VM; called without waiting for it. */
  readonly expire: (vmId: string) => void;
  readonly graceMs?: number;
}

export class Leases {
  readonly #deps: LeaseDeps;
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #holders = new Map<string, symbol>();

  constructor(deps: LeaseDeps) {
    this.#deps = deps;
  }

  /** Starts the grace time of a leased VM nobody holds. */
  expect(vmId: string): void {
    clearTimeout(this.#timers.get(vmId));
    this.#timers.set(
      vmId,
      setTimeout(() => this.#expire(vmId), this.#deps.graceMs ?? LEASE_GRACE_MS),
    );
  }

  /** Resolves when the lease was released or `hangUp` aborts; in the latter case the VM is deleted. A newer holder takes over. */
  async hold(vmId: string, hangUp: AbortSignal): Promise<void> {
    clearTimeout(this.#timers.get(vmId));
    this.#timers.delete(vmId);
    const me = Symbol(vmId);
    this.#holders.set(vmId, me);
    await new Promise<void>((resolve) => {
      if (hangUp.aborted) resolve();
      else hangUp.addEventListener("abort", () => resolve(), { once: true });
    });
    if (this.#holders.get(vmId) !== me) return;
    this.#expire(vmId);
  }

  /** The VM is an ordinary one from now on, or gone. */
  release(vmId: string): void {
    clearTimeout(this.#timers.get(vmId));
    this.#timers.delete(vmId);
    this.#holders.delete(vmId);
  }

  #expire(vmId: string): void {
    this.release(vmId);
    this.#deps.expire(vmId);
  }
}
