// Waiting for a condition without a fixed sleep.
import { setTimeout as delay } from "node:timers/promises";

export interface PollOptions {
  readonly timeoutMs: number;
  readonly intervalMs?: number;
  readonly signal?: AbortSignal;
}

/** Asks `probe` until it answers something other than undefined; undefined at the deadline. Throws what `probe` or the signal throws. */
export async function poll<T>(probe: () => T | undefined | Promise<T | undefined>, options: PollOptions): Promise<T | undefined> {
  const deadline = performance.now() + options.timeoutMs;
  for (;;) {
    options.signal?.throwIfAborted();
    const answer = await probe();
    if (answer !== undefined) return answer;
    if (performance.now() >= deadline) return undefined;
    await delay(options.intervalMs ?? 20, undefined, options.signal === undefined ? {} : { signal: options.signal });
  }
}
