// When to try pasta again: at once after a single death, ever less often while it keeps dying.

const firstDelayMs = 250;
const longestDelayMs = 30_000;
/** A pasta that lived this long was well. */
const settledMs = 10_000;

export class UplinkRetry {
  readonly #now: () => number;
  #failures = 0;
  #startedAt: number | undefined;
  #nextAt = 0;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Asked when pasta is found dead: whether to start it now. */
  isDue(): boolean {
    if (this.#startedAt !== undefined) {
      const lived = this.#now() - this.#startedAt;
      this.#startedAt = undefined;
      if (lived >= settledMs) this.#reset();
      else this.failed();
    }
    return this.#now() >= this.#nextAt;
  }

  started(): void {
    this.#startedAt = this.#now();
  }

  /** Notes a failure and answers the milliseconds until the next try. */
  failed(): number {
    const delayMs = Math.min(longestDelayMs, firstDelayMs * 2 ** this.#failures);
    this.#failures += 1;
    this.#nextAt = this.#now() + delayMs;
    return delayMs;
  }

  #reset(): void {
    this.#failures = 0;
    this.#nextAt = 0;
  }
}
