// A guest that stands still because the host's disk is full: noticed, told to whoever wants something of it, and let go on as
// soon as there is room.
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { BangerError, MIB } from "@banger/api";
import { abortable, diskFullError, freeBytesAt, isProcessAlive } from "@banger/host";
import type { VmmPausing, VmmProcess } from "../vmm/contract.ts";

/** With less, it would stand still again at once. */
const RESUME_FROM_BYTES = 64 * MIB;
/** Milliseconds between looks at the free space. */
const LOOK_MS = 1000;
/** A file system that says it has room and takes nothing, for a quota, is tried less and less often. */
const MOST_MS = 60_000;
/** Milliseconds until a VMM whose monitor cannot be followed is tried again. */
const RETRY_MS = 5000;
const RESUME_MS = 5000;

export interface PausesDeps {
  readonly process: VmmProcess;
  readonly pausing: VmmPausing | undefined;
  readonly onGoesOn: () => void;
  readonly log: (fields: Readonly<Record<string, unknown>>, message: string) => void;
}

export class Pauses {
  readonly #deps: PausesDeps;
  #pause = new AbortController();
  #waitMs = LOOK_MS;
  #resumedAt = Number.NEGATIVE_INFINITY;

  /** Watches until `ended`. */
  constructor(deps: PausesDeps, ended: AbortSignal) {
    this.#deps = deps;
    if (deps.pausing !== undefined) void this.#watch(deps.pausing, ended);
  }

  get isPaused(): boolean {
    return this.#pause.signal.aborted;
  }

  /** Aborts, with `host.disk_full`, when the guest comes to a standstill. One that goes on has a new signal. */
  get signal(): AbortSignal {
    return this.#pause.signal;
  }

  /** What `work` answers. Throws `host.disk_full` as soon as the guest stands still. */
  unlessPaused<T>(work: Promise<T>): Promise<T> {
    return abortable(work, this.signal);
  }

  async #watch(pausing: VmmPausing, ended: AbortSignal): Promise<void> {
    const { process, log } = this.#deps;
    const onChange = (isPaused: boolean) => {
      if (isPaused) this.#paused(pausing, ended);
      else this.#goesOn();
    };
    while (!ended.aborted && isProcessAlive(process.vmm)) {
      try {
        await pausing.watch(process, onChange, ended);
      } catch (error) {
        if (!ended.aborted) log({ error: String(error) }, "a full disk that stops the guest would not be noticed");
      }
      await delay(RETRY_MS, undefined, { signal: ended, ref: false }).catch(() => undefined);
    }
  }

  #paused(pausing: VmmPausing, ended: AbortSignal): void {
    if (this.isPaused) return;
    const { message, hint, details } = diskFullError(dirname(this.#deps.process.vmDir));
    this.#deps.log({ ...details }, "a guest is paused: the host's disk is full");
    this.#pause.abort(
      new BangerError("host.disk_full", `the guest is paused until there is room: ${message}`, {
        hint: `${hint ?? "make room"}; it goes on by itself`,
        details: { ...details },
      }),
    );
    void this.#letGoOn(pausing, this.#pause, ended);
  }

  #goesOn(): void {
    if (!this.isPaused) return;
    this.#pause = new AbortController();
    this.#resumedAt = performance.now();
    this.#deps.log({}, "a paused guest goes on");
    this.#deps.onGoesOn();
  }

  async #letGoOn(pausing: VmmPausing, pause: AbortController, ended: AbortSignal): Promise<void> {
    const { process, log } = this.#deps;
    if (performance.now() - this.#resumedAt > MOST_MS) this.#waitMs = LOOK_MS;
    for (;;) {
      await delay(this.#waitMs, undefined, { signal: ended, ref: false }).catch(() => undefined);
      if (ended.aborted || this.#pause !== pause) return;
      try {
        if ((await freeBytesAt(process.vmDir)) < RESUME_FROM_BYTES) continue;
        this.#waitMs = Math.min(2 * this.#waitMs, MOST_MS);
        await pausing.resume(process, AbortSignal.any([ended, AbortSignal.timeout(RESUME_MS)]));
      } catch (error) {
        if (!ended.aborted) log({ error: String(error) }, "a paused guest could not be let go on");
      }
    }
  }
}
