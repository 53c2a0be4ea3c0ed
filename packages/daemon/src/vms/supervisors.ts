// The supervisors of all live VMs of this daemon, by VM id.
import { BangerError } from "@banger/api";
import type { VmmExit, VmmProcess } from "../vmm/contract.ts";
import type { VmDeps } from "./deps.ts";
import { watchClockJumps } from "./clock-jumps.ts";
import { Supervisor } from "./supervisor.ts";

export type OnVmExit = (vmId: string, supervisor: Supervisor, exit: VmmExit) => void;

export class Supervisors {
  readonly #live = new Map<string, Supervisor>();
  readonly #deps: VmDeps;
  readonly #onExit: OnVmExit;
  readonly #stopLooking: () => void;
  #hasLeft = false;

  constructor(deps: VmDeps, onExit: OnVmExit) {
    this.#deps = deps;
    this.#onExit = onExit;
    const { now, monotonicMs } = deps;
    this.#stopLooking = watchClockJumps({ now, monotonicMs, onJump: () => this.#setClocks() });
  }

  get size(): number {
    return this.#live.size;
  }

  /** Starts watching a VMM that lives. */
  watch(vmId: string, process: VmmProcess): Supervisor {
    this.#live.get(vmId)?.stop();
    const supervisor: Supervisor = new Supervisor({
      process,
      driver: this.#deps.drivers[process.driver],
      connectGuest: this.#deps.connectGuest,
      now: this.#deps.now,
      poweroffMs: this.#deps.deadlinesOf(process.accelerator).poweroffMs,
      consoleStart: this.#deps.records.get(vmId).consoleStart,
      log: (fields, message) => this.#deps.log({ vm: vmId, ...fields }, message),
      onExit: (exit) => this.#onExit(vmId, supervisor, exit),
    });
    this.#live.set(vmId, supervisor);
    return supervisor;
  }

  find(vmId: string): Supervisor | undefined {
    return this.#live.get(vmId);
  }

  /** Throws `vm.not_running`. */
  get(vmId: string): Supervisor {
    const supervisor = this.#live.get(vmId);
    if (supervisor !== undefined) return supervisor;
    const name = this.#deps.records.find(vmId)?.name ?? vmId;
    throw new BangerError("vm.not_running", `${name} is not running`, { hint: `banger vm show ${name}` });
  }

  /** Whether the daemon leaves and the VMs run on without it. */
  get hasLeft(): boolean {
    return this.#hasLeft;
  }

  /** Throws `daemon.stopping` once nothing is watched any more: what is under way is the next daemon's to finish. */
  throwIfLeft(): void {
    if (this.#hasLeft) throw new BangerError("daemon.stopping", "the daemon leaves; the next one goes on with it");
  }

  forget(vmId: string): void {
    this.#live.get(vmId)?.stop();
    this.#live.delete(vmId);
  }

  /** Stops watching all, for good; the VMs run on. */
  stopAll(): void {
    this.#hasLeft = true;
    this.#stopLooking();
    for (const vmId of [...this.#live.keys()]) this.forget(vmId);
  }

  #setClocks(): void {
    this.#deps.log({}, "the host's clock has jumped");
    for (const supervisor of this.#live.values()) void supervisor.setClock();
  }
}
