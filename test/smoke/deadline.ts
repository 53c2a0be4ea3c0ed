// The end of a scenario's patience. Its timer holds the event loop: a scenario that waits for what never comes would otherwise
// let Node end the runner in silence.
import { messageOf } from "./failure-text.ts";

export interface DeadlineOptions {
  /** Ends it early. */
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  /** How long work may take to undo what it did, once it was told to end. */
  readonly graceMs: number;
}

export class Deadline implements Disposable {
  /** Tells the work to end: the run was interrupted, or it took too long. */
  readonly signal: AbortSignal;
  readonly #graceMs: number;
  readonly #timer: NodeJS.Timeout;
  readonly #abandoned = Promise.withResolvers<never>();
  #grace: NodeJS.Timeout | undefined;

  constructor({ signal, timeoutMs, graceMs }: DeadlineOptions) {
    const late = new AbortController();
    this.#graceMs = graceMs;
    this.#timer = setTimeout(() => late.abort(new Error(`not done within ${timeoutMs / 1000} s`)), timeoutMs);
    this.signal = AbortSignal.any([signal, late.signal]);
    this.signal.addEventListener("abort", this.#beginGrace);
    // Nobody may be waiting for it.
    this.#abandoned.promise.catch(() => undefined);
  }

  /** Throws what the work throws and, however the work ended, when it was told to end. Work that does not end then is abandoned. */
  async bound(work: Promise<void>): Promise<void> {
    try {
      await Promise.race([work, this.#abandoned.promise]);
    } catch (cause) {
      if (!this.signal.aborted || cause === this.signal.reason) throw cause;
      throw new Error(messageOf(this.signal.reason), { cause });
    }
    this.signal.throwIfAborted();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#grace);
    this.signal.removeEventListener("abort", this.#beginGrace);
  }

  readonly #beginGrace = (): void => {
    this.#grace = setTimeout(() => this.#abandoned.reject(this.signal.reason), this.#graceMs);
  };
}
