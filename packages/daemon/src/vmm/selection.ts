// The choice among this host's VMM drivers: gathers the facts, test boots included, that accelerator.ts decides from. A test
// boot is shared by all who ask meanwhile and remembered as boot-memory.ts says.
import { join } from "node:path";
import { BangerError, type AcceleratorName, type DriverName } from "@banger/api";
import { abortable, hostBootId } from "@banger/host";
import type { Config } from "../config/contract.ts";
import type { ImageService, ReadyImage } from "../images/contract.ts";
import type { Log } from "../log.ts";
import { chooseDriver, isAvailable, type Availability, type BootVerdict, type DriverChoice, type DriverFacts } from "./accelerator.ts";
import { holds, isUpWithin, readBoot, rememberBoot, verdictOf, type BootKey } from "./boot-memory.ts";
import type { BootOutcome, ProbeSpec } from "./boot-probe.ts";
import type { VmmDriver } from "./contract.ts";
import type { KvmObstacle } from "./kvm-device.ts";

/** Milliseconds a test boot may take. KVM that needs longer is worth no more than emulation, which is only timed, to be shown. */
const DEADLINES_MS = { kvm: 5000, tcg: 60_000 } as const satisfies Record<AcceleratorName, number>;
/** Where there is nothing to fall back to, or nothing else is wanted, a slow KVM (one in a VM, say) is better than none. */
const PATIENT_DEADLINE_MS = 30_000;

export interface SelectionDeps {
  readonly drivers: Readonly<Record<DriverName, VmmDriver>>;
  /** Who runs VMMs. */
  readonly uid: number;
  /** Why a VMM cannot open KVM's device, if so. */
  readonly kvmObstacle: () => Promise<KvmObstacle | undefined>;
  readonly probe: (spec: ProbeSpec) => Promise<BootOutcome>;
  readonly config: () => Promise<Pick<Config, "defaultImageName">>;
  readonly images: Pick<ImageService, "find" | "list">;
  readonly cacheDir: string;
  readonly now: () => Date;
  readonly log: Log;
}

export interface AcceleratorReport {
  readonly accelerator: AcceleratorName;
  /** Why it is not KVM, or not known to be, for people; empty when it is. */
  readonly reason: string;
  /** The command that would make it KVM, where one does. */
  readonly fix?: string;
  /** Milliseconds a test boot took to the agent's first word; null when none could be made. */
  readonly agentAfterMs: number | null;
}

/** What a test boot is wanted for. */
interface Trial {
  readonly driver: DriverName;
  readonly accelerator: AcceleratorName;
  readonly deadlineMs: number;
  /** Only a boot that was fast enough is taken from memory. */
  readonly isAfresh: boolean;
}

export class VmmSelection {
  readonly #deps: SelectionDeps;
  /** Test boots under way, by what they are for. */
  readonly #underWay = new Map<string, Promise<BootVerdict>>();

  constructor(deps: SelectionDeps) {
    this.#deps = deps;
  }

  get drivers(): Readonly<Record<DriverName, VmmDriver>> {
    return this.#deps.drivers;
  }

  /** Throws `vmm.missing` or `vmm.unsupported` when the wanted one, or any, cannot be had. */
  async choose(wanted: DriverName | null, signal: AbortSignal): Promise<DriverChoice> {
    signal.throwIfAborted();
    return chooseDriver(await abortable(this.#facts(wanted, { isAfresh: false }), signal), wanted);
  }

  /** What a VM would run on, and how fast a test boot was: what failed before is tried again. Throws as `choose` does. */
  async report(signal: AbortSignal): Promise<AcceleratorReport> {
    signal.throwIfAborted();
    const facts = await abortable(this.#facts(null, { isAfresh: true }), signal);
    const { driver, accelerator, slowBecause, fix } = chooseDriver(facts, null);
    const timed = { driver, accelerator, deadlineMs: DEADLINES_MS.tcg, isAfresh: false };
    const verdict = accelerator === "kvm" ? facts.kvm[driver] : await abortable(this.#verdict(timed), signal);
    return {
      ...{ accelerator, reason: slowBecause ?? "", agentAfterMs: verdict.works ? verdict.agentAfterMs : null },
      ...(accelerator === "kvm" && !verdict.works ? { reason: verdict.reason } : {}),
      ...(fix === undefined ? {} : { fix }),
    };
  }

  /** Boots only what the choice can depend on. */
  async #facts(wanted: DriverName | null, how: Pick<Trial, "isAfresh">): Promise<DriverFacts> {
    const { drivers } = this.#deps;
    const [firecracker, qemu] = await Promise.all([availability(drivers.firecracker), availability(drivers.qemu)]);
    const isNeedless: BootVerdict = { works: false, reason: "it was not tested" };
    const deadlineMs = wanted === "firecracker" || !isAvailable(qemu) ? PATIENT_DEADLINE_MS : DEADLINES_MS.kvm;
    const byFirecracker =
      wanted !== "qemu" && isAvailable(firecracker) ? await this.#kvmVerdict({ ...how, driver: "firecracker", deadlineMs }) : isNeedless;
    const byQemu =
      wanted !== "firecracker" && !byFirecracker.works && isAvailable(qemu)
        ? await this.#kvmVerdict({ ...how, driver: "qemu", deadlineMs })
        : isNeedless;
    return { firecracker, qemu, kvm: { firecracker: byFirecracker, qemu: byQemu } };
  }

  async #kvmVerdict(trial: Omit<Trial, "accelerator">): Promise<BootVerdict> {
    const obstacle = await this.#deps.kvmObstacle();
    return obstacle === undefined ? this.#verdict({ ...trial, accelerator: "kvm" }) : { works: false, ...obstacle };
  }

  async #verdict(trial: Trial): Promise<BootVerdict> {
    const image = await this.#anyImage();
    if (image === undefined) return { works: false, isUntested: true, reason: "it is not tested yet: no image is here to boot" };
    const { driver, accelerator } = trial;
    const key: BootKey = {
      ...{ hostBootId: hostBootId(), driver, vmmVersion: await this.drivers[driver].version(), kernelRelease: image.kernelRelease },
      ...{ accelerator, uid: this.#deps.uid },
    };
    const name = JSON.stringify({ ...key, ...trial });
    const shared = this.#underWay.get(name) ?? this.#verdictFor(key, trial, image).finally(() => this.#underWay.delete(name));
    this.#underWay.set(name, shared);
    return shared;
  }

  async #verdictFor(key: BootKey, trial: Trial, image: ReadyImage): Promise<BootVerdict> {
    const { cacheDir, now, log } = this.#deps;
    const { accelerator, deadlineMs, isAfresh } = trial;
    const file = join(cacheDir, "accelerator.json");
    const known = await readBoot(file, key);
    const isEnough = known !== undefined && (isAfresh ? isUpWithin(known.outcome, deadlineMs) : holds(known, deadlineMs, now().getTime()));
    if (isEnough) return verdictOf(known.outcome, deadlineMs);
    const outcome = await this.#deps.probe({ driver: this.drivers[trial.driver], accelerator, boot: image.boot, deadlineMs });
    log({ driver: trial.driver, accelerator, outcome }, "a test boot was made");
    await rememberBoot(file, key, { outcome, at: now().getTime() });
    return verdictOf(outcome, deadlineMs);
  }

  /** Every image boots with the same initramfs, so any that is here will do; the default one first. */
  async #anyImage(): Promise<ReadyImage | undefined> {
    const { defaultImageName } = await this.#deps.config();
    const ready = (await this.#deps.images.list()).filter(({ digest }) => digest !== null).map(({ name }) => name);
    const [name] = ready.toSorted((left, right) => Number(right === defaultImageName) - Number(left === defaultImageName));
    return name === undefined ? undefined : this.#deps.images.find(name);
  }
}

async function availability(driver: VmmDriver): Promise<Availability> {
  try {
    return { version: await driver.version() };
  } catch (error) {
    if (error instanceof BangerError && (error.code === "vmm.missing" || error.code === "vmm.unsupported")) return { error };
    throw error;
  }
}
