// One build with any number of callers: they share its progress and its end; it is cancelled when the last of them leaves.
import { BangerError, type ProgressSink } from "@banger/api";
import { abortable } from "@banger/host";
import type { BuildEvent, BuildSink } from "./build-events.ts";

export interface Caller {
  readonly signal: AbortSignal;
  readonly progress: ProgressSink;
}

interface Subscriber {
  readonly progress: ProgressSink;
  readonly joinedAtMs: number;
}

export class SharedBuild<T> {
  readonly #abort = new AbortController();
  readonly #subscribers = new Set<Subscriber>();
  readonly #nowMs: () => number;
  readonly #result: Promise<T>;
  /** The stage under way and the last that was heard of it, for those who come late. */
  #current: BuildEvent[] = [];
  #stageStartedAtMs = 0;

  constructor(build: (options: { readonly signal: AbortSignal; readonly report: BuildSink }) => Promise<T>, nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#result = build({ signal: this.#abort.signal, report: (event) => this.#report(event) });
    // Each caller sees the failure through its own promise; with none left nobody is waiting for it.
    this.#result.catch(() => {});
  }

  /** Whether its callers have all left: it is being undone, and a new caller needs a new build. */
  get isCancelled(): boolean {
    return this.#abort.signal.aborted;
  }

  /** Resolves when the build has ended, however it ended. */
  async settled(): Promise<void> {
    await Promise.allSettled([this.#result]);
  }

  /** The build's result. When `signal` aborts first: `operation.cancelled`, for the last caller once the build is undone. */
  async join({ signal, progress }: Caller): Promise<T> {
    const subscriber = { progress, joinedAtMs: this.#nowMs() };
    this.#subscribers.add(subscriber);
    for (const event of this.#current) this.#deliver(event, subscriber);
    try {
      return await abortable(this.#result, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
      this.#subscribers.delete(subscriber);
      if (this.#subscribers.size === 0) {
        this.#abort.abort();
        await this.settled();
      }
      throw cancelled(error);
    } finally {
      this.#subscribers.delete(subscriber);
    }
  }

  #report(event: BuildEvent): void {
    if (event.type === "stage.started") {
      this.#stageStartedAtMs = this.#nowMs();
      this.#current = [event];
    } else if (event.type === "stage.progress") {
      this.#current = [...this.#current.slice(0, 1), event];
    } else {
      this.#current = [];
    }
    for (const subscriber of this.#subscribers) this.#deliver(event, subscriber);
  }

  #deliver(event: BuildEvent, { progress, joinedAtMs }: Subscriber): void {
    const atMs = Math.round(this.#nowMs() - joinedAtMs);
    if (event.type === "stage.finished")
      progress({ ...event, facts: { ...event.facts }, durationMs: Math.round(this.#nowMs() - this.#stageStartedAtMs), atMs });
    else progress({ ...event, atMs });
  }
}

function cancelled(cause: unknown): BangerError {
  if (cause instanceof BangerError && cause.code === "operation.cancelled") return cause;
  return new BangerError("operation.cancelled", "the image was not pulled: cancelled", { cause });
}
