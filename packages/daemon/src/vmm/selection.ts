// The VMM drivers of this host and the choice among them: gathers the facts, test boots included, that accelerator.ts decides
// from. A test boot is made once for each host boot, kernel and VMM version, and shared by all who ask meanwhile.
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { BangerError, type AcceleratorName, type DriverName } from "@banger/api";
import { abortable, hostBootId, type RunAs } from "@banger/host";
import type { Config } from "../config/contract.ts";
import { connectGuest } from "../guest/client.ts";
import type { ImageService, ReadyImage } from "../images/contract.ts";
import { chooseDriver, isAvailable, type Availability, type BootVerdict, type DriverChoice, type DriverFacts } from "./accelerator.ts";
import { probeBoot, readVerdict, rememberVerdict, type VerdictKey } from "./boot-probe.ts";
import type { VmmDriver } from "./contract.ts";
import { FirecrackerDriver } from "./firecracker/driver.ts";
import { kvmNode, kvmObstacle, withKvmGroup, type DeviceNode, type Opener } from "./kvm-device.ts";
import { QemuDriver } from "./qemu/driver.ts";

/** Milliseconds a test boot may take. KVM that needs longer is no KVM; emulation is only timed, to be shown. */
const DEADLINES_MS = { kvm: 5000, tcg: 60_000 } as const satisfies Record<AcceleratorName, number>;

export interface SelectionDeps {
  /** Where programs are looked for, as in PATH. */
  readonly searchPath: string;
  readonly runAs: RunAs | null;
  /** Who runs VMMs. */
  readonly vmUserName: string;
  readonly config: () => Promise<Pick<Config, "firecrackerBin" | "defaultImageName">>;
  readonly images: Pick<ImageService, "find" | "list">;
  /** The guest's agent as a program of this host. */
  readonly agentPath: string;
  readonly cacheDir: string;
  readonly scratchDir: string;
  readonly log: (fields: Readonly<Record<string, unknown>>, message: string) => void;
}

export interface AcceleratorReport {
  readonly accelerator: AcceleratorName;
  /** Why it is not KVM, for people; empty when it is. */
  readonly reason: string;
  /** The command that would make it KVM, where one does. */
  readonly fix?: string;
  /** Milliseconds a test boot took to the agent's first word; null when none could be made. */
  readonly agentAfterMs: number | null;
}

export class VmmSelection {
  readonly drivers: Readonly<Record<DriverName, VmmDriver>>;
  readonly #deps: SelectionDeps;
  /** Test boots under way, by what they are for. */
  readonly #underWay = new Map<string, Promise<BootVerdict>>();

  constructor(deps: SelectionDeps) {
    this.#deps = deps;
    const { searchPath, runAs, agentPath } = deps;
    this.drivers = {
      qemu: new QemuDriver({ searchPath, runAs, agentPath }),
      firecracker: new FirecrackerDriver({ searchPath, runAs, firecrackerBin: async () => (await deps.config()).firecrackerBin }),
    };
  }

  /** Throws `vmm.missing` or `vmm.unsupported` when the wanted one, or any, cannot be had. */
  async choose(wanted: DriverName | null, signal: AbortSignal): Promise<DriverChoice> {
    signal.throwIfAborted();
    return chooseDriver(await abortable(this.#facts(wanted), signal), wanted);
  }

  /** What a VM would run on, and how fast a test boot was. Throws as `choose` does. */
  async report(signal: AbortSignal): Promise<AcceleratorReport> {
    signal.throwIfAborted();
    const facts = await abortable(this.#facts(null), signal);
    const { driver, accelerator, slowBecause, fix } = chooseDriver(facts, null);
    const verdict = accelerator === "kvm" ? facts.kvm[driver] : await abortable(this.#verdict(driver, accelerator), signal);
    return {
      ...{ accelerator, reason: slowBecause ?? "", agentAfterMs: verdict.works ? verdict.agentAfterMs : null },
      ...(fix === undefined ? {} : { fix }),
    };
  }

  /** Boots only what the choice can depend on. */
  async #facts(wanted: DriverName | null): Promise<DriverFacts> {
    const [firecracker, qemu] = await Promise.all([availability(this.drivers.firecracker), availability(this.drivers.qemu)]);
    const isNeedless: BootVerdict = { works: false, reason: "it was not tested" };
    const byFirecracker = wanted !== "qemu" && isAvailable(firecracker) ? await this.#kvmVerdict("firecracker") : isNeedless;
    const byQemu = wanted !== "firecracker" && !byFirecracker.works && isAvailable(qemu) ? await this.#kvmVerdict("qemu") : isNeedless;
    return { firecracker, qemu, kvm: { firecracker: byFirecracker, qemu: byQemu } };
  }

  async #kvmVerdict(driver: DriverName): Promise<BootVerdict> {
    const node = await kvmNode();
    const obstacle = kvmObstacle(node, kvmOpener(this.#deps, node));
    return obstacle === undefined ? this.#verdict(driver, "kvm") : { works: false, ...obstacle };
  }

  async #verdict(driver: DriverName, accelerator: AcceleratorName): Promise<BootVerdict> {
    const image = await this.#anyImage();
    if (image === undefined) return { works: false, reason: "it is not tested yet: no image is here to boot" };
    const key: VerdictKey = {
      ...{ hostBootId: hostBootId(), driver, vmmVersion: await this.drivers[driver].version(), kernelRelease: image.kernelRelease },
      ...{ accelerator, uid: this.#deps.runAs?.uid ?? ownUid() },
    };
    const name = JSON.stringify(key);
    const shared = this.#underWay.get(name) ?? this.#remembered(key, driver, image).finally(() => this.#underWay.delete(name));
    this.#underWay.set(name, shared);
    return shared;
  }

  async #remembered(key: VerdictKey, driver: DriverName, image: ReadyImage): Promise<BootVerdict> {
    const file = join(this.#deps.cacheDir, "accelerator.json");
    const known = await readVerdict(file, key);
    if (known !== undefined) return known;
    const { scratchDir, runAs, log } = this.#deps;
    const randomHex = (bytes: number) => randomBytes(bytes).toString("hex");
    const probe = {
      driver: this.drivers[driver],
      accelerator: key.accelerator,
      boot: image.boot,
      deadlineMs: DEADLINES_MS[key.accelerator],
    };
    const verdict = await probeBoot({ connectGuest, scratchDir, runAs, randomHex }, probe);
    log({ driver, accelerator: key.accelerator, ...verdict }, "a test boot was made");
    await rememberVerdict(file, key, verdict);
    return verdict;
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

/** Who opens the device for a VMM: a root daemon's user with the group that it is lent, or the daemon itself. */
function kvmOpener({ runAs, vmUserName: name }: Pick<SelectionDeps, "runAs" | "vmUserName">, node: DeviceNode | undefined): Opener {
  if (runAs === null) return { name, uid: ownUid(), gids: [process.getgid?.() ?? 0, ...(process.getgroups?.() ?? [])] };
  const { uid, gid, groups = [] } = withKvmGroup(runAs, node);
  return { name, uid, gids: [gid, ...groups] };
}

function ownUid(): number {
  return process.getuid?.() ?? 0;
}
