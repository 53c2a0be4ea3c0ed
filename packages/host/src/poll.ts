// Waiting for a condition without a fixed sleep.
import { watch, type FSWatcher } from "node:fs";

export interface PollOptions {
  readonly timeoutMs: number;
  readonly intervalMs?: number;
  readonly signal?: AbortSignal;
  /** A file whose every change is a reason to ask at once. Where it cannot be watched, the interval remains. */
  readonly file?: string;
}

/** Asks `probe` until it answers something other than undefined; undefined at the deadline. Throws what `probe` or the signal throws. */
export async function poll<T>(probe: () => T | undefined | Promise<T | undefined>, options: PollOptions): Promise<T | undefined> {
  const deadline = performance.now() + options.timeoutMs;
  using bell = new Bell(options);
  for (;;) {
    options.signal?.throwIfAborted();
    const answer = await probe();
    if (answer !== undefined) return answer;
    if (performance.now() >= deadline) return undefined;
    await bell.next();
  }
}

/** Rings after the interval, when the file changes and on abort. What rings while nobody waits is not lost. */
class Bell implements Disposable {
  readonly #intervalMs: number;
  readonly #signal: AbortSignal | undefined;
  readonly #watcher: FSWatcher | undefined;
  readonly #ring = (): void => {
    clearTimeout(this.#timer);
    this.#hasRung = true;
    this.#wake?.();
  };
  #timer: NodeJS.Timeout | undefined;
  #hasRung = false;
  #wake: (() => void) | undefined;

  constructor({ intervalMs = 20, signal, file }: PollOptions) {
    this.#intervalMs = intervalMs;
    this.#signal = signal;
    this.#watcher = file === undefined ? undefined : watchFile(file, this.#ring);
    signal?.addEventListener("abort", this.#ring);
  }

  async next(): Promise<void> {
    if (!this.#hasRung) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        this.#timer = setTimeout(this.#ring, this.#intervalMs);
      });
    }
    this.#wake = undefined;
    this.#hasRung = false;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#watcher?.close();
    this.#signal?.removeEventListener("abort", this.#ring);
  }
}

function watchFile(file: string, onChange: () => void): FSWatcher | undefined {
  try {
    return watch(file, { persistent: false }, onChange).on("error", () => undefined);
  } catch {
    // It is not there, or the host's inotify watches are used up: neither makes the wait itself fail.
    return undefined;
  }
}
