// A daemon's worth of VMs for tests: the real service over fake VMMs, images and network.
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import assert from "node:assert/strict";
import { BangerError, parseVmName, type ProgressEvent, type Vm } from "@banger/api";
import { diskFullError, poll } from "@banger/host";
import { createFakeVmmDriver, type FakeVmmOptions } from "@banger/testkit";
import type { Config } from "../config/contract.ts";
import { DEFAULT_CONFIG } from "../config/settings.ts";
import { resolveSpec } from "../config/resolve-spec.ts";
import { createFileSync } from "../file-sync/service.ts";
import { connectGuest } from "../guest/client.ts";
import { generateSshKey } from "../guest/openssh-key.ts";
import type { ImageService, ReadyImage } from "../images/contract.ts";
import { allocateAddress, defaultCidr, parseSubnet } from "../network/addresses.ts";
import type { HostNetwork, NetworkUnavailable } from "../network/contract.ts";
import { ForwardSet } from "../network/forwards.ts";
import { PublishedPorts } from "../network/published-ports.ts";
import { OperationRegistry, type Operation } from "../operations/registry.ts";
import { openState } from "../state/database.ts";
import { Journal } from "../state/journal.ts";
import { Reserve } from "../state/reserve.ts";
import { VmRecords } from "../state/vm-records.ts";
import type { VmmProcess } from "../vmm/contract.ts";
import { WorkspaceFiles } from "../workspaces/service.ts";
import type { CreateDeps } from "./create.ts";
import { deadlinesOf, type Deadlines } from "./deadlines.ts";
import type { Step } from "./plan.ts";
import { VmService } from "./service.ts";
import { steps, type Steps } from "./steps.ts";

export const BASE = { vcpu: 1, memoryMib: 64, diskBytes: 64 * 1024 * 1024 };

export interface TestDaemonOptions extends FakeVmmOptions {
  readonly failAttach?: boolean;
  /** In place of how long guests are waited for. */
  readonly deadlines?: Partial<Deadlines>;
}

/** A daemon's worth of VMs on one state directory; `crash` lets go of everything as a kill would. */
export class TestDaemon {
  readonly attached = new Set<string>();
  /** Of all operations, as they were told. */
  readonly warnings: string[] = [];
  /** What was logged of VMs, and when by the monotonic clock. */
  readonly logged: { readonly message: string; readonly atMs: number }[] = [];
  /** Why this host has no network to give. */
  noNetwork: NetworkUnavailable | null = null;
  /** What config.toml names of the owner's files, whose home is the directory. */
  synced: Config["fileSync"] = [];
  isImageOutdated = false;
  /** While set the image is not here, and a pull of it takes that long. */
  pulling: Promise<void> | null = null;
  /** What the network was told at the reconcile. */
  known: readonly string[] = [];
  hasRoom = true;
  /** How far the clock of the host has gone, and for how long it has slept, in milliseconds. */
  aheadMs = 0;
  sleptMs = 0;
  /** Steps as they are run, and those that are to fail: instead of what they do, or after it. */
  readonly ran: Step[] = [];
  failing: Readonly<Partial<Record<Step, "instead" | "after">>> = {};
  readonly journal: Journal;
  readonly records: VmRecords;
  readonly service: VmService;
  readonly #forwards = new ForwardSet({
    dial: (id, address) => this.service.guests.dialById(id, address),
    describe: (id) => this.records.get(id),
    reportFailure: () => undefined,
  });
  readonly #operations: OperationRegistry;
  readonly #database: DatabaseSync;

  constructor(directory: string, options: TestDaemonOptions = {}) {
    const reserve = new Reserve({ dataDir: directory, randomBytes, report: () => undefined });
    this.#database = openState(directory, reserve);
    this.journal = new Journal(this.#database, reserve);
    this.records = new VmRecords(this.#database, reserve);
    this.#operations = new OperationRegistry({
      newId: () => randomBytes(4).toString("hex"),
      now: () => new Date(),
      dataDir: directory,
      log: () => undefined,
    });
    const driver = createFakeVmmDriver(options);
    const deps: CreateDeps = {
      records: this.records,
      journal: this.journal,
      drivers: { qemu: driver, firecracker: driver },
      chooseDriver: () => Promise.resolve({ driver: "qemu", accelerator: "kvm" }),
      network: this.#fakeNetwork(options.failAttach ?? false),
      ports: new PublishedPorts(this.#forwards),
      images: fakeImages(directory, this),
      connectGuest,
      newHostKey: generateSshKey,
      workspaces: new WorkspaceFiles({
        vmsDir: join(directory, "vms"),
        keptDir: join(directory, "kept"),
        now: () => new Date(),
        log: () => undefined,
      }),
      fileSync: createFileSync({ config: () => Promise.resolve({ ...DEFAULT_CONFIG, fileSync: this.synced }), home: directory }),
      steps: this.#steps(),
      requireRoom: () => (this.hasRoom ? Promise.resolve() : Promise.reject(diskFullError(directory))),
      deadlinesOf: (accelerator) => ({ ...deadlinesOf(accelerator), ...options.deadlines }),
      vmsDir: join(directory, "vms"),
      runAs: null,
      now: () => new Date(Date.now() + this.aheadMs + this.sleptMs),
      monotonicMs: () => performance.now() + this.aheadMs,
      randomHex: (bytes) => randomBytes(bytes).toString("hex"),
      log: (_, message) => this.logged.push({ message, atMs: performance.now() }),
      config: () => Promise.resolve(DEFAULT_CONFIG),
      hostResources: () => Promise.resolve({ cpus: 4, memoryTotalBytes: 2 ** 34, memoryAvailableBytes: 2 ** 34 }),
      resolveSpec,
      nextAddress: (used) => allocateAddress(parseSubnet(defaultCidr), used),
    };
    this.service = new VmService(deps, (kind, target, work) =>
      this.#operations.run({ kind, target, signal: new AbortController().signal }, work),
    );
  }

  run<T>(work: (operation: Operation) => Promise<T>, signal = new AbortController().signal): Promise<T> {
    const onEvent = (event: ProgressEvent) => {
      if (event.type === "warning") this.warnings.push(`${event.message} (${event.hint ?? ""})`);
    };
    return this.#operations.run({ kind: "test", target: null, signal, onEvent }, work);
  }

  create(name: string, body: Partial<Parameters<VmService["create"]>[0]> = {}): Promise<Vm> {
    return this.run((operation) => this.service.create({ name: parseVmName(name), spec: BASE, ...body }, operation));
  }

  reconcile(): Promise<void> {
    return this.run((operation) => this.service.reconcile(operation));
  }

  async seen(name: string, status: Vm["status"], also: (vm: Vm) => boolean = () => true): Promise<Vm> {
    const vm = await poll(
      async () => {
        const now = await this.service.show(name);
        return now.status === status && also(now) ? now : undefined;
      },
      { timeoutMs: 60_000 },
    );
    assert.ok(vm !== undefined, `${name} is not ${status}: ${JSON.stringify(await this.service.show(name))}`);
    return vm;
  }

  vmmOf(id: string): VmmProcess {
    return this.journal.of(id).get("process")?.detail as VmmProcess;
  }

  /** Lets go of the published ports too, as the end of its process would. */
  async crash(): Promise<void> {
    this.service.close();
    this.#database.close();
    await this.#forwards[Symbol.asyncDispose]();
  }

  /** Deletes every VM, whatever its guest has changed, and lets go. */
  async end(): Promise<void> {
    for (const { name } of this.records.list())
      await this.run((operation) => this.service.delete(name, operation, { discardsChanges: true }));
    await this.crash();
  }

  #steps(): Steps {
    const entries = Object.entries(steps).map(([name, run]) => {
      const step = name as Step;
      const wrapped: Steps[Step] = async (context) => {
        this.ran.push(step);
        const fails = this.failing[step];
        if (fails !== "instead") await run(context);
        if (fails !== undefined) throw new BangerError("vmm.failed", `${step} fails`);
      };
      return [step, wrapped];
    });
    return Object.fromEntries(entries) as Steps;
  }

  #fakeNetwork(failAttach: boolean): HostNetwork {
    return {
      subnet: parseSubnet(defaultCidr),
      availability: () => Promise.resolve(this.noNetwork ?? { available: true }),
      attach: (vm) => {
        if (failAttach) return Promise.reject(new BangerError("network.setup_failed", "no tap today"));
        this.attached.add(vm.vmId);
        return Promise.resolve({ tap: "tap0", namespace: null });
      },
      detach: (vmId) => Promise.resolve(void this.attached.delete(vmId)),
      reconcile: (vms) => {
        this.known = vms.map(({ vmId }) => vmId);
        return Promise.resolve({ lost: [] });
      },
      onLost: () => undefined,
      release: () => Promise.resolve(),
    };
  }
}

function fakeImages(directory: string, daemon: Pick<TestDaemon, "isImageOutdated" | "pulling">): ImageService {
  const path = join(directory, "file");
  const image: ReadyImage = {
    name: "debian-bookworm",
    digest: "sha256:1",
    basePath: path,
    baseType: "squashfs",
    kernelRelease: "6",
    modulesPath: null,
    env: [],
    boot: { bzImage: path, vmlinux: path, initramfs: path },
  };
  const show = async (name: string) => {
    if (name !== image.name) throw new BangerError("image.not_found", `no image ${name}`);
    return {
      name,
      status: "ready" as const,
      outdated: daemon.isImageOutdated,
      digest: image.digest,
      sizeBytes: 1,
      arch: "amd64",
      origin: "test",
      kernel: "6",
      createdAt: null,
      usedBy: [],
    };
  };
  return {
    list: () => Promise.resolve([]),
    show,
    find: async () => (daemon.pulling === null ? image : undefined),
    byDigest: () => Promise.resolve(image),
    pull: async () => {
      await daemon.pulling;
      return image;
    },
    delete: () => Promise.resolve(),
    reconcile: () => Promise.resolve(),
  };
}
