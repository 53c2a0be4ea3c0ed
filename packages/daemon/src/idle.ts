// The daemon leaves by itself once nothing needs it: no request, no operation, no running VM, for a while.

export interface IdleDeps {
  readonly idleMs: number;
  /** True while something needs the daemon that is not a request. */
  readonly isNeeded: () => boolean;
  readonly onIdle: () => void;
}

export class IdleWatch {
  readonly #deps: IdleDeps;
  #active = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: IdleDeps) {
    this.#deps = deps;
    this.#restart();
  }

  /** A request began (+1) or ended (-1). */
  activity(change: 1 | -1): void {
    this.#active += change;
    this.#restart();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #restart(): void {
    clearTimeout(this.#timer);
    if (this.#active > 0) return;
    this.#timer = setTimeout(() => {
      if (this.#deps.isNeeded()) this.#restart();
      else this.#deps.onIdle();
    }, this.#deps.idleMs);
    this.#timer.unref();
  }
}
