// The choice among this host's VMM drivers: gathers the facts, test boots included, that accelerator.ts decides from. A test
// boot is shared by all who ask meanwhile and remembered as boot-memory.ts says.
import { join } from "node:path";
import { BangerError, type AcceleratorName, type DriverName } from "@banger/api";
import { abortable, hostBootId } from "@banger/host";
import type { Config } from "../config/contract.ts";
import type { ImageService, ReadyImage } from "../images/contract.ts";
import type { Log } from "../log.ts";
import {
  chooseDriver,
  isAvailable,
  type Availability,
  type BootVerdict,
  type DriverChoice,
  type DriverFacts,
  type DriverWish,
} from "./accelerator.ts";
import { readBoot, rememberBoot, verdictOf, type BootKey } from "./boot-memory.ts";
import type { BootOutcome, ProbeSpec } from "./boot-probe.ts";
import type { VmmDriver } from "./contract.ts";
import type { KvmObstacle } from "./kvm-device.ts";
import { raceEmulation } from "./kvm-race.ts";

/** Milliseconds in which KVM that works boots anywhere; one that has not is compared with emulation. */
const HEAD_START_MS = 5000;
/** Milliseconds a test boot may take. */
const DEADLINE_MS = 60_000;
/** With KVM alone: where there is nothing to fall back to, or nothing else is wanted. */
const ALONE_DEADLINE_MS = 30_000;

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

/** Tells whoever waits that a test boot is being made. */
export type TellTest = <T>(test: () => Promise<T>) => Promise<T>;

/** What a test boot is wanted for. */
interface Trial {
  readonly driver: DriverName;
  readonly accelerator: AcceleratorName;
  /** Whether KVM that is slow is compared with emulation. */
  readonly isRace: boolean;
  /** Only a boot that succeeded is taken from memory. */
  readonly isAfresh: boolean;
  readonly tell: TellTest;
}

type Asked = Pick<Trial, "isAfresh" | "tell">;

interface TestBoot {
  readonly driver: DriverName;
  readonly accelerator: AcceleratorName;
  readonly image: ReadyImage;
}

const untold: TellTest = (test) => test();

export class VmmSelection {
  readonly #deps: SelectionDeps;
  /** Test boots under way, by what they are for. */
  readonly #underWay = new Map<string, Promise<BootOutcome>>();

  constructor(deps: SelectionDeps) {
    this.#deps = deps;
  }

  get drivers(): Readonly<Record<DriverName, VmmDriver>> {
    return this.#deps.drivers;
  }

  /** Throws `vmm.missing` or `vmm.unsupported` when the wanted one, or any, cannot be had. */
  async choose(wish: DriverWish, signal: AbortSignal, tell: TellTest = untold): Promise<DriverChoice> {
    signal.throwIfAborted();
    return chooseDriver(await abortable(this.#facts(wish, { isAfresh: false, tell }), signal), wish.driver);
  }

  /** What a VM would run on, and how fast a test boot was: what failed before is tried again. Throws as `choose` does. */
  async report(signal: AbortSignal): Promise<AcceleratorReport> {
    signal.throwIfAborted();
    const facts = await abortable(this.#facts({ driver: null, vcpu: 1 }, { isAfresh: true, tell: untold }), signal);
    const { driver, accelerator, slowBecause, fix } = chooseDriver(facts, null);
    const timed = { driver, accelerator, isRace: false, isAfresh: false, tell: untold };
    const verdict = accelerator === "kvm" ? facts.kvm[driver] : await abortable(this.#verdict(timed), signal);
    return {
      ...{ accelerator, reason: slowBecause ?? "", agentAfterMs: verdict.works ? verdict.agentAfterMs : null },
      ...(accelerator === "kvm" && !verdict.works ? { reason: verdict.reason } : {}),
      ...(fix === undefined ? {} : { fix }),
    };
  }

  /** Boots only what the choice can depend on. */
  async #facts({ driver: wanted, vcpu }: DriverWish, asked: Asked): Promise<DriverFacts> {
    const { drivers } = this.#deps;
    const [firecracker, qemu] = await Promise.all([availability(drivers.firecracker, vcpu), availability(drivers.qemu, vcpu)]);
    const trial = { ...asked, isRace: wanted !== "firecracker" && isAvailable(qemu) };
    const isNeedless: BootVerdict = { works: false, reason: "it was not tested" };
    const byFirecracker =
      wanted !== "qemu" && isAvailable(firecracker) ? await this.#kvmVerdict({ ...trial, driver: "firecracker" }) : isNeedless;
    if (!byFirecracker.works && byFirecracker.isOutrun === true)
      return { firecracker, qemu, kvm: { firecracker: byFirecracker, qemu: byFirecracker } };
    const byQemu =
      wanted !== "firecracker" && !byFirecracker.works && isAvailable(qemu)
        ? await this.#kvmVerdict({ ...trial, driver: "qemu" })
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
    const { driver, accelerator, isRace, isAfresh } = trial;
    const name = JSON.stringify({ driver, accelerator, isRace, isAfresh, digest: image.digest });
    const shared = this.#underWay.get(name) ?? this.#outcome(trial, image).finally(() => this.#underWay.delete(name));
    this.#underWay.set(name, shared);
    return verdictOf(await shared);
  }

  async #outcome(trial: Trial, image: ReadyImage): Promise<BootOutcome> {
    const { driver, accelerator, isRace, isAfresh, tell } = trial;
    const boot = { driver, accelerator, image };
    const known = await readBoot(this.#memory, await this.#keyOf(boot));
    if (known !== undefined && (known.kind === "up" || (!isAfresh && (isRace || known.kind !== "outrun")))) return known;
    return await tell(async () => {
      if (!isRace) return this.#try(boot, accelerator === "kvm" ? ALONE_DEADLINE_MS : DEADLINE_MS);
      const outcome = await raceEmulation({
        kvm: (signal) => this.#try(boot, DEADLINE_MS, signal),
        emulation: (signal) => this.#try({ driver: "qemu", accelerator: "tcg", image }, DEADLINE_MS, signal),
        headStartMs: HEAD_START_MS,
      });
      if (outcome.kind === "outrun") await this.#remember(boot, outcome);
      return outcome;
    });
  }

  /** One test boot. What is called off tells nothing, and is not remembered. */
  async #try(boot: TestBoot, deadlineMs: number, signal?: AbortSignal): Promise<BootOutcome> {
    const { driver, accelerator, image } = boot;
    const spec = { driver: this.drivers[driver], accelerator, boot: image.boot, deadlineMs };
    const outcome = await this.#deps.probe(signal === undefined ? spec : { ...spec, signal });
    if (signal?.aborted !== true) await this.#remember(boot, outcome);
    return outcome;
  }

  async #remember(boot: TestBoot, outcome: BootOutcome): Promise<void> {
    this.#deps.log({ driver: boot.driver, accelerator: boot.accelerator, outcome }, "a test boot was made");
    await rememberBoot(this.#memory, await this.#keyOf(boot), outcome);
  }

  get #memory(): string {
    return join(this.#deps.cacheDir, "accelerator.json");
  }

  async #keyOf({ driver, accelerator, image }: TestBoot): Promise<BootKey> {
    const vmmVersion = await this.drivers[driver].version();
    return { hostBootId: hostBootId(), driver, vmmVersion, kernelRelease: image.kernelRelease, accelerator, uid: this.#deps.uid };
  }

  /** Every image boots with the same initramfs, so any that is here and whole will do; the default one first. */
  async #anyImage(): Promise<ReadyImage | undefined> {
    const { defaultImageName } = await this.#deps.config();
    const here = (await this.#deps.images.list()).filter(({ digest }) => digest !== null).map(({ name }) => name);
    for (const name of here.toSorted((left, right) => Number(right === defaultImageName) - Number(left === defaultImageName))) {
      const ready = await this.#deps.images.find(name).catch(damagedIsNone);
      if (ready !== undefined) return ready;
    }
    return undefined;
  }
}

function damagedIsNone(error: unknown): undefined {
  if (error instanceof BangerError && error.code === "image.corrupt") return undefined;
  throw error;
}

async function availability(driver: VmmDriver, vcpu: number): Promise<Availability> {
  try {
    const version = await driver.version();
    const { maxVcpu } = driver.features;
    return vcpu <= maxVcpu ? { version } : { error: tooManyCpus(driver.name, vcpu, maxVcpu) };
  } catch (error) {
    if (error instanceof BangerError && (error.code === "vmm.missing" || error.code === "vmm.unsupported")) return { error };
    throw error;
  }
}

function tooManyCpus(driver: DriverName, vcpu: number, maxVcpu: number): BangerError {
  const name = driver === "firecracker" ? "Firecracker" : "QEMU";
  return new BangerError("vmm.unsupported", `${name} gives a VM at most ${maxVcpu} CPUs, not ${vcpu}`, {
    hint: `--vcpu ${maxVcpu}${driver === "firecracker" ? ", or --driver qemu" : ""}`,
  });
}
