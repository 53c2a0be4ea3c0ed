// Watches one live VMM: keeps a connection to its agent, follows its events, and tells when it has ended. It outlives any
// request; a daemon that starts anew makes one for each VM it finds alive.
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { BangerError, type ReadinessLevel } from "@banger/api";
import { abortable, isProcessAlive } from "@banger/host";
import type { ConnectGuest, GuestClient, GuestEvent } from "../guest/contract.ts";
import type { VmmDriver, VmmExit, VmmProcess } from "../vmm/contract.ts";
import { Pauses } from "./pauses.ts";
import { untilHalted, type GuestEnding } from "./halted-guest.ts";
import { appendAgentLog, capLog, logFile, printable } from "./log-files.ts";

export interface SupervisorDeps {
  readonly process: VmmProcess;
  readonly driver: VmmDriver;
  readonly connectGuest: ConnectGuest;
  readonly now: () => Date;
  /** How long the console was when this VMM was started, in bytes. */
  readonly consoleStart: number;
  /** How long a guest that announced its end may take to get there, in milliseconds. */
  readonly poweroffMs: number;
  readonly log: (fields: Readonly<Record<string, unknown>>, message: string) => void;
  /** The VMM has ended by itself; not called once `stop` was. */
  readonly onExit: (exit: VmmExit) => void;
}

const LOG_CHECK_MS = 30_000;
/** Milliseconds until a connection that was lost is made again: more each time that it does not last. */
const RECONNECT_MS = 200;
const LONGEST_RECONNECT_MS = 10_000;
/** From this on a connection is said to have lasted, in milliseconds. */
const LASTING_MS = 10_000;

export class Supervisor {
  readonly process: VmmProcess;
  readonly pauses: Pauses;
  readonly #deps: SupervisorDeps;
  readonly #ended = new AbortController();
  readonly #readiness = new Set<ReadinessLevel>();
  readonly #listeners = new Set<() => void>();
  #guest: GuestClient | undefined;
  #ending: GuestEnding | null = null;
  #lastLogSeq = 0;
  /** Aborts for somebody who wants the connection sooner than it would be made again. */
  #hurry = new AbortController();
  /** What is being done over the connection that must not be lost with it. */
  readonly #work = new Set<Promise<unknown>>();
  #isFollowed = false;
  #hasEnded = false;

  constructor(deps: SupervisorDeps) {
    this.#deps = deps;
    this.process = deps.process;
    const { process, log } = deps;
    const onGoesOn = () => void this.setClock();
    this.pauses = new Pauses({ process, pausing: deps.driver.pausing, onGoesOn, log }, this.#ended.signal);
    void this.#watchExit();
    void this.#capLogs();
    void this.#endAfter((signal) => this.#halted(signal));
  }

  get readiness(): ReadinessLevel[] {
    return [...this.#readiness];
  }

  get ending(): GuestEnding | null {
    return this.#ending;
  }

  get isConnected(): boolean {
    return this.#guest !== undefined;
  }

  /** Whether the connection is made again whenever it is lost. */
  get isFollowed(): boolean {
    return this.#isFollowed;
  }

  /** Whether the VMM has ended, or is no longer watched. */
  get isOver(): boolean {
    return this.#ended.signal.aborted;
  }

  /** Whether the VMM has ended before `deadline` aborts, or before it is no longer watched. */
  async over(deadline: AbortSignal): Promise<boolean> {
    if (!this.isOver) await once(this.#ended.signal, "abort", { signal: deadline }).catch(() => undefined);
    return this.#hasEnded;
  }

  /**
   * What `work` answers with the connection, which is made at once where there is none, and not let go of before. Throws
   * `guest.unreachable` when `deadline` aborts before it is there, `host.disk_full`.
   */
  async withGuest<T>(deadline: AbortSignal, work: (guest: GuestClient) => Promise<T>): Promise<T> {
    const given = AbortSignal.any([deadline, this.#ended.signal]);
    this.#hurry.abort();
    while (this.#guest === undefined && !given.aborted)
      await abortable(new Promise<void>((resolve) => this.#listeners.add(resolve)), given).catch(() => undefined);
    const working = work(this.guest());
    this.#work.add(working);
    return await working.finally(() => this.#work.delete(working));
  }

  /** Connects for the first time, within `timeoutMs`. Throws `guest.unreachable`, also as soon as the VMM ends; `host.disk_full`. */
  async connect(timeoutMs: number, signal: AbortSignal): Promise<GuestClient> {
    const paused = this.pauses.signal;
    try {
      this.#guest = await this.#open(timeoutMs, AbortSignal.any([signal, this.#ended.signal, paused]));
      return this.#guest;
    } catch (error) {
      paused.throwIfAborted();
      if (!this.isOver || signal.aborted) throw error;
      throw new BangerError("guest.unreachable", "the VM ended before", { cause: error });
    }
  }

  /** Follows the guest from now on, reconnecting whenever the connection is lost. Call once, after `connect`. */
  follow(): void {
    this.#isFollowed = true;
    void this.#followGuest();
  }

  /** The live connection. Throws `guest.unreachable` when there is none at the moment, `host.disk_full` while the guest is paused. */
  guest(): GuestClient {
    this.pauses.signal.throwIfAborted();
    if (this.#guest !== undefined) return this.#guest;
    throw new BangerError("guest.unreachable", "the guest's agent does not answer at the moment", {
      hint: "try again, or look at banger vm logs",
    });
  }

  /** Resolves once `level` is reached, `late` at the deadline, `over` when the VM ends first. Throws when it is paused or the signal aborts. */
  async reached(level: ReadinessLevel, timeoutMs: number, signal: AbortSignal): Promise<"reached" | "late" | "over"> {
    const deadline = AbortSignal.timeout(timeoutMs);
    const paused = this.pauses.signal;
    const given = AbortSignal.any([signal, this.#ended.signal, paused, deadline]);
    while (!this.#readiness.has(level)) {
      try {
        await abortable(new Promise<void>((resolve) => this.#listeners.add(resolve)), given);
      } catch (error) {
        if (this.isOver) return "over";
        paused.throwIfAborted();
        if (deadline.aborted && !signal.aborted) return "late";
        throw error;
      }
    }
    return "reached";
  }

  /** Sets the guest's clock, which has stood still. One without a connection has it set with the next. */
  async setClock(): Promise<void> {
    try {
      await this.#guest?.setClock(this.#deps.now().getTime());
    } catch (error) {
      if (!this.isOver) this.#deps.log({ error: String(error) }, "the guest's clock could not be set");
    }
  }

  /** Stops watching; the VMM is left alone. */
  stop(): void {
    this.#ended.abort(new BangerError("vm.not_running", "the VM is not running"));
    this.#wake();
    void this.#guest?.[Symbol.asyncDispose]();
    this.#guest = undefined;
  }

  async #watchExit(): Promise<void> {
    try {
      const exit = await this.#deps.driver.wait(this.process, this.#ended.signal);
      if (this.isOver) return;
      await this.#lastWords();
      this.#hasEnded = true;
      this.stop();
      this.#deps.onExit(exit);
    } catch (error) {
      if (!this.isOver) this.#deps.log({ error: String(error) }, "watching the VMM failed");
    }
  }

  /** Events still in the pipe when the VMM ends tell how the guest went down: let the connection drain. */
  async #lastWords(): Promise<void> {
    if (this.#guest !== undefined) await Promise.race([this.#guest.closed, delay(500)]);
  }

  async #followGuest(): Promise<void> {
    let pauseMs = RECONNECT_MS;
    while (!this.isOver) {
      const began = performance.now();
      try {
        this.#guest ??= await this.#open(60_000, this.#ended.signal);
        this.#wake();
        await this.#guest.setClock(this.#deps.now().getTime());
        for await (const event of this.#guest.events(this.#ended.signal)) await this.#onEvent(event);
      } catch (error) {
        if (this.isOver) return;
        this.#deps.log({ error: String(error) }, "the guest's connection was lost");
      }
      await Promise.allSettled(this.#work);
      await this.#guest?.[Symbol.asyncDispose]();
      this.#guest = undefined;
      if (!isProcessAlive(this.process.vmm)) return;
      if (performance.now() - began > LASTING_MS) pauseMs = RECONNECT_MS;
      await delay(pauseMs, undefined, { signal: AbortSignal.any([this.#ended.signal, this.#hurry.signal]) }).catch(() => undefined);
      this.#hurry = new AbortController();
      pauseMs = Math.min(2 * pauseMs, LONGEST_RECONNECT_MS);
    }
  }

  #halted(signal: AbortSignal): Promise<void> {
    const console = { path: logFile(this.process.vmDir, "console"), start: this.#deps.consoleStart };
    return untilHalted(console, (ending) => this.#isOutlived(ending), signal);
  }

  /** Whether the VMM goes on after it. */
  #isOutlived(ending: GuestEnding): boolean {
    return ending === "halt" || (ending === "poweroff" && this.#deps.driver.features.outlivesPoweroff);
  }

  /** Ends a VMM that outlives its guest, once the guest is down. */
  async #endAfter(down: (signal: AbortSignal) => Promise<void>): Promise<void> {
    try {
      await down(this.#ended.signal);
      await this.#deps.driver.end(this.process);
    } catch (error) {
      if (!this.isOver) this.#deps.log({ error: String(error) }, "a VMM whose guest is down was not ended");
    }
  }

  #open(timeoutMs: number, signal: AbortSignal): Promise<GuestClient> {
    const { driver, connectGuest } = this.#deps;
    return connectGuest({
      kind: driver.features.channel,
      open: (openSignal) => driver.connect(this.process, openSignal),
      bulkDisk: driver.bulkDisk?.(this.process),
      signal,
      timeoutMs,
    });
  }

  async #onEvent(event: GuestEvent): Promise<void> {
    switch (event.type) {
      case "readiness":
        this.#readiness.add(event.level);
        this.#wake();
        return;
      case "ending":
        // Told again with each connection, and by a guest that is no friend as often as it likes.
        if (this.#ending !== null) return;
        this.#ending = event.mode;
        if (this.#isOutlived(event.mode)) void this.#endAfter((signal) => delay(this.#deps.poweroffMs, undefined, { signal }));
        return;
      case "log":
        if (event.seq <= this.#lastLogSeq) return;
        this.#lastLogSeq = event.seq;
        await appendAgentLog(this.process.vmDir, [
          `${new Date(event.timeUnixMs).toISOString()} ${event.level} ${printable(event.message)}`,
        ]);
    }
  }

  #wake(): void {
    for (const listener of this.#listeners) listener();
    this.#listeners.clear();
  }

  async #capLogs(): Promise<void> {
    const { vmDir } = this.process;
    const own = (this.#deps.driver.ownLogs ?? []).map((name) => join(vmDir, name));
    const logs = [logFile(vmDir, "console"), logFile(vmDir, "vmm"), ...own];
    while (!this.isOver) {
      await delay(LOG_CHECK_MS, undefined, { signal: this.#ended.signal, ref: false }).catch(() => undefined);
      for (const path of logs) await capLog(path).catch(() => undefined);
    }
  }
}
