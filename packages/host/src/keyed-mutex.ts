// One lock per key, granted in order of asking; waiting can be given up.

export class KeyedMutex {
  readonly #tails = new Map<string, Promise<void>>();

  /** Resolves once the lock of `key` is held; dispose it to let the next in. Throws the signal's reason when it aborts first. */
  async lock(key: string, signal?: AbortSignal): Promise<Disposable> {
    signal?.throwIfAborted();
    const before = this.#tails.get(key) ?? Promise.resolve();
    const released = Promise.withResolvers<void>();
    const tail = before.then(() => released.promise);
    this.#tails.set(key, tail);
    const release = () => {
      released.resolve();
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    };
    try {
      await abortable(before, signal);
    } catch (error) {
      release();
      throw error;
    }
    return { [Symbol.dispose]: release };
  }
}

/** `promise`, or the signal's reason as soon as it aborts. */
export async function abortable<T>(promise: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (signal === undefined) return promise;
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
