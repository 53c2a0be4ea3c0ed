// Brings VMs to a goal: observe, plan, act, with one lock per VM. Starting can be cancelled by whoever wants the VM stopped
// or gone; stopping and deleting finish once begun.
import { BangerError, type StopReason } from "@banger/api";
import { isProcessAlive, KeyedMutex, poll, signalProcess } from "@banger/host";
import type { Operation } from "../operations/registry.ts";
import type { VmRecord } from "../state/vm-record.ts";
import type { VmmExit } from "../vmm/contract.ts";
import type { VmDeps } from "./deps.ts";
import { afterEnd, announcedOnConsole, type AfterEnd, type EndedVmm } from "./ending.ts";
import { logFile, sizeOf, tailSince } from "./log-files.ts";
import { observe } from "./observe.ts";
import { planVm, type Goal } from "./plan.ts";
import { runPlan } from "./run-plan.ts";
import { processOf } from "./steps.ts";
import type { Supervisor } from "./supervisor.ts";
import { Supervisors } from "./supervisors.ts";
import { vmDir } from "./vm-directory.ts";

/** An operation nobody follows: undoing, or what the daemon does by itself. */
export type BackgroundRun = (kind: string, target: string, work: (operation: Operation) => Promise<void>) => Promise<void>;

/** Milliseconds for a VMM to end by a signal. */
const KILLED_MS = 3000;

type Rebooted = Extract<AfterEnd, { readonly action: "boot-again" }>;

/** How a VMM was seen to end. */
export type SeenEnd = Pick<EndedVmm, "exit" | "announced" | "wasReady">;

export class Lifecycle {
  readonly supervisors: Supervisors;
  readonly #deps: VmDeps;
  readonly #background: BackgroundRun;
  readonly #locks = new KeyedMutex();
  /** What holds a VM's lock and lets go when the VM is to be stopped or gone. */
  readonly #cancellable = new Map<string, AbortController>();
  /** By what signal of their owner's VMs are ending. */
  readonly #killed = new Map<string, NodeJS.Signals>();

  constructor(deps: VmDeps, background: BackgroundRun) {
    this.#deps = deps;
    this.#background = background;
    this.supervisors = new Supervisors(deps, (vmId, supervisor, exit) => {
      void this.#onExit(vmId, supervisor, exit);
    });
  }

  /** Boots a VM that exists; one that runs is left as it is. On failure or abort it is stopped again and keeps the reason. */
  async start(vmId: string, operation: Operation): Promise<void> {
    using _held = await this.#locks.lock(vmId, operation.signal);
    await this.#startLocked(vmId, operation);
  }

  /** `goal` is `down` for one that is started again at once. */
  async stop(vmId: string, operation: Operation, goal: "stopped" | "down" = "stopped"): Promise<void> {
    this.#cancel(vmId);
    using _held = await this.#locks.lock(vmId);
    const { status, stopReason } = this.#deps.records.get(vmId);
    const isStopped = status === "stopped";
    // What an earlier stop could not undo is tried again.
    if (isStopped && !this.#holdsMore(vmId)) return;
    this.#deps.records.update(vmId, { status: "stopping" });
    if (this.supervisors.find(vmId)?.pauses.isPaused === true)
      operation.warn("host.disk_full", "The host's disk is full: what the guest was about to write is lost, as by a power cut");
    try {
      await this.reach(goal, vmId, operation);
    } finally {
      const asked = { code: this.#killed.has(vmId) ? "killed" : "requested" } as const;
      await this.#settleStopped(vmId, isStopped && stopReason !== null ? stopReason : asked);
    }
  }

  /** Runs `work` while nothing is started, stopped or deleted of this VM. Its signal aborts when that is wanted. */
  async exclusively<T>(vmId: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    using _held = await this.#locks.lock(vmId);
    return await this.#cancellably(vmId, work);
  }

  /** Resolves once nothing is being done to the VM any more. */
  async settled(vmId: string, signal: AbortSignal): Promise<void> {
    using _held = await this.#locks.lock(vmId, signal);
  }

  /** Whatever a cut-short start or stop left is ended; the VM is stopped for `reason`. */
  async abandon(vmId: string, reason: StopReason, operation: Operation): Promise<void> {
    using _held = await this.#locks.lock(vmId);
    await this.#settle(vmId, reason, operation);
  }

  /** A stop that was cut short goes on, at the guest's pace. */
  finishStop(vmId: string, reason: StopReason): Promise<void> {
    return this.#background("vm.stop", this.#deps.records.get(vmId).name, (operation) => this.abandon(vmId, reason, operation));
  }

  /** What the end of a VMM that nobody watched calls for. */
  async judge(vmId: string, { exit, announced, wasReady }: SeenEnd): Promise<AfterEnd> {
    const { name, consoleStart, reboots, unreadyReboots } = this.#deps.records.get(vmId);
    const consoleTail = await tailSince(logFile(vmDir(this.#deps, vmId), "console"), consoleStart, 8192);
    const next = afterEnd({
      exit,
      killedBy: this.#killed.get(vmId) ?? null,
      announced: announced ?? announcedOnConsole(consoleTail),
      consoleTail,
      ...{ reboots, unreadyReboots, wasReady },
      nowMs: this.#deps.now().getTime(),
    });
    this.#deps.log({ vm: vmId, name, exit, next }, "a VMM ended");
    return next;
  }

  async conclude(vmId: string, next: AfterEnd): Promise<void> {
    using _held = await this.#locks.lock(vmId);
    await this.#concludeLocked(vmId, next);
  }

  /**
   * Removes the VM and all it holds but the changes of its workspaces, which are kept unless they are to be discarded. A VM that
   * is gone already is fine. Throws `workspace.not_kept`, and the VM is as it was.
   */
  async remove(vmId: string, operation: Operation, { discardsChanges = false } = {}): Promise<void> {
    this.#cancel(vmId);
    using _held = await this.#locks.lock(vmId);
    if (this.#deps.records.find(vmId) === undefined) return;
    // What is forgotten with its deletion under way is not asked for when that is taken up again.
    if (discardsChanges) this.#deps.records.update(vmId, { status: "deleting", workspaces: [] });
    await this.reach("absent", vmId, operation);
  }

  /** Sends a signal to the VMM; all but STOP and CONT end it for sure, and it is shown as killed. Throws `vm.not_running`. */
  async kill(vmId: string, signal: NodeJS.Signals): Promise<void> {
    const supervisor = this.supervisors.get(vmId);
    const { vmm } = supervisor.process;
    if (signal === "SIGSTOP" || signal === "SIGCONT") return void signalProcess(vmm, signal);
    this.#killed.set(vmId, signal);
    // As the first process of its jail a VMM gets of the others only what it has a handler for: Firecracker for none of them.
    for (const sent of [signal, "SIGKILL"] as const) {
      signalProcess(vmm, sent);
      const isGone = await poll(() => (isProcessAlive(vmm) ? undefined : true), { timeoutMs: KILLED_MS });
      if (isGone === undefined) continue;
      // Once its end was noticed, its VM is settled under the lock.
      await supervisor.over(AbortSignal.timeout(KILLED_MS));
      return this.settled(vmId, new AbortController().signal);
    }
    throw new BangerError("vmm.failed", `process ${vmm.pid} does not end, even by SIGKILL`);
  }

  /** Observes, plans, and runs the plan's steps. The caller holds the VM's lock. */
  async reach(goal: Goal, vmId: string, operation: Operation): Promise<void> {
    const plan = planVm(goal, await observe(this.#deps, this.supervisors, vmId));
    const context = { deps: this.#deps, supervisors: this.supervisors, vmId, operation };
    await runPlan({ goal, plan, steps: this.#deps.steps, context });
  }

  async #settle(vmId: string, reason: StopReason, operation: Operation): Promise<void> {
    try {
      await this.reach("stopped", vmId, operation);
    } finally {
      await this.#settleStopped(vmId, reason);
    }
  }

  /** Its listeners are closed and its reason is kept, whatever else of it is left. A VM whose VMM cannot be ended is not stopped. */
  async #settleStopped(vmId: string, stopReason: StopReason): Promise<void> {
    this.supervisors.throwIfLeft();
    await this.#deps.ports.close(vmId);
    const process = await processOf(this.#deps, vmId);
    if (process !== null && isProcessAlive(process.vmm)) return;
    this.#deps.records.update(vmId, { status: "stopped", stopReason, unreadyReboots: 0, bootId: null, networkLost: false });
  }

  /** Whether it holds of the host what a VM that is stopped does not need. */
  #holdsMore(vmId: string): boolean {
    const held = this.#deps.journal.of(vmId);
    return held.has("process") || held.has("network");
  }

  async #startLocked(vmId: string, operation: Operation): Promise<void> {
    const record = this.#deps.records.get(vmId);
    if (record.status === "running") return;
    await this.#deps.requireRoom();
    await this.#cancellably(vmId, async (cancelled) => {
      try {
        await this.#boot(record, { ...operation, signal: AbortSignal.any([operation.signal, cancelled]) });
      } catch (error) {
        await this.#undoStart(vmId, operation, error);
        throw error;
      }
    });
  }

  /** The caller holds the VM's lock. */
  async #cancellably<T>(vmId: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const cancel = new AbortController();
    this.#cancellable.set(vmId, cancel);
    try {
      return await work(cancel.signal);
    } finally {
      this.#cancellable.delete(vmId);
    }
  }

  #cancel(vmId: string): void {
    this.#cancellable.get(vmId)?.abort(new BangerError("operation.cancelled", "cancelled: the VM is to be stopped"));
  }

  async #boot(record: VmRecord, operation: Operation): Promise<void> {
    const { records, ports, chooseDriver } = this.#deps;
    this.#killed.delete(record.id);
    const choice = await chooseDriver({ driver: record.wantedDriver, vcpu: record.vcpu }, operation);
    // A creation stays one until it is done: cut short, it is undone as a whole.
    const status = record.status === "creating" ? "creating" : "starting";
    // Set before anything can fail: the reason of a start that fails is never told with the console of an earlier boot.
    const consoleStart = await sizeOf(logFile(vmDir(this.#deps, record.id), "console"));
    records.update(record.id, { status, stopReason: null, driver: choice.driver, accelerator: choice.accelerator, consoleStart });
    const forwards = await ports.open(record.id, record.forwards);
    records.update(record.id, { forwards });
    await this.reach("running", record.id, operation);
    records.update(record.id, { status: "running" });
  }

  async #undoStart(vmId: string, operation: Operation, error: unknown): Promise<void> {
    const detail = error instanceof Error ? error.message : String(error);
    const { consoleStart } = this.#deps.records.get(vmId);
    const console = (await tailSince(logFile(vmDir(this.#deps, vmId), "console"), consoleStart, 2048)).trim();
    try {
      await this.reach("stopped", vmId, { ...operation, signal: new AbortController().signal });
    } catch (undoing) {
      // The start's own failure is what is told; the rest is undone with the next attempt.
      this.#deps.log({ vm: vmId, error: String(undoing) }, "a start that failed was not undone in full");
    } finally {
      await this.#settleStopped(vmId, { code: "start_failed", detail: console === "" ? detail : `${detail}\n${console}` });
    }
  }

  /** The VMM ended by itself: boot again after a guest's reboot, else settle with the reason. */
  async #onExit(vmId: string, supervisor: Supervisor, exit: VmmExit): Promise<void> {
    // A start or stop under way sees the end itself and lets go of the supervisor; one that had just succeeded did not.
    using _held = await this.#locks.lock(vmId);
    if (this.supervisors.find(vmId) !== supervisor) return;
    try {
      await this.#concludeLocked(
        vmId,
        await this.judge(vmId, { exit, announced: supervisor.ending, wasReady: supervisor.readiness.includes("basic") }),
      );
    } catch (error) {
      this.#deps.log({ vm: vmId, error: String(error) }, "settling an ended VM failed");
    }
  }

  #concludeLocked(vmId: string, next: AfterEnd): Promise<void> {
    return this.#background("vm.ended", this.#deps.records.get(vmId).name, async (operation) => {
      if (next.action === "stopped") await this.#settle(vmId, next.reason, operation);
      else await this.#bootAgain(vmId, next, operation);
    });
  }

  /** A new VMM on the same disks. The VM is never shown as stopped meanwhile: nobody stopped it. */
  async #bootAgain(vmId: string, { reboots, unreadyReboots }: Rebooted, operation: Operation): Promise<void> {
    const { records, ports } = this.#deps;
    try {
      records.update(vmId, { status: "starting", reboots, unreadyReboots, bootId: null, networkLost: false });
      await this.reach("stopped", vmId, operation);
      await ports.close(vmId);
      await this.#startLocked(vmId, operation);
    } catch (error) {
      // A start that began has undone itself.
      if (records.get(vmId).status === "starting") await this.#undoStart(vmId, operation, error);
      throw error;
    }
  }
}
