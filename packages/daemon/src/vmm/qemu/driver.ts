// The QEMU driver: KVM where it works, emulation everywhere. The guest channel is a virtio-serial port.
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { BangerError } from "@banger/api";
import { isProcessAlive, poll, type RunAs } from "@banger/host";
import { BULK_DISK } from "../../guest/contract.ts";
import type { VmmDisk, VmmDriver, VmmExit, VmmFeatures, VmmPausing, VmmProcess, VmmSpec } from "../contract.ts";
import { findJailTools, openChannel, startJailed } from "../jailed-vmm.ts";
import { findNoted } from "../launch-note.ts";
import type { Launched } from "../launcher.ts";
import { endForSure, waitForEnd } from "../lifetime.ts";
import { connectUnix } from "../unix-socket.ts";
import { makeDisk, vmFiles } from "../vm-directory.ts";
import { planQemu, QEMU_SOCKETS } from "./argv.ts";
import { ProgramFacts } from "../program-facts.ts";
import { resume, watchPauses } from "./pausing.ts";
import { findQemu, qemuInstallation, qemuVersion } from "./installation.ts";
import { QmpClient } from "./qmp.ts";
import { tscFrequency } from "./tsc-frequency.ts";

const SOCKETS = Object.values(QEMU_SOCKETS);
/** Milliseconds for QEMU to build its machine; an emulated host's disk may be cold. */
const READY_MS = 30_000;
const QUIT_MS = 3000;

export interface QemuDeps {
  /** Where programs are looked for, as in PATH. */
  readonly searchPath: string;
  /** The unprivileged user of a root daemon's VMMs. */
  readonly runAs: RunAs | null;
  /** The guest's agent as a program of this host. */
  readonly agentPath: string;
}

export class QemuDriver implements VmmDriver {
  readonly name = "qemu";
  readonly features: VmmFeatures = {
    accelerators: ["kvm", "tcg"],
    channel: "serial",
    snapshots: false,
    maxVcpu: 255,
    outlivesPoweroff: false,
  };
  readonly pausing: VmmPausing = { watch: watchPauses, resume };
  readonly #deps: QemuDeps;
  readonly #versions = new ProgramFacts(qemuVersion);
  readonly #installations = new ProgramFacts(qemuInstallation);
  readonly #frequencies = new ProgramFacts(tscFrequency);

  constructor(deps: QemuDeps) {
    this.#deps = deps;
  }

  async version(): Promise<string> {
    return this.#versions.of(await findQemu(this.#deps.searchPath));
  }

  async start(spec: VmmSpec, signal: AbortSignal): Promise<VmmProcess> {
    const found = await findQemu(this.#deps.searchPath);
    const [tools, { qemu, binds, env }, version, tscKhz] = await Promise.all([
      findJailTools(this.#deps.searchPath),
      this.#installations.of(found),
      this.#versions.of(found),
      spec.accelerator === "tcg" ? this.#frequencies.of(this.#deps.agentPath) : undefined,
    ]);
    // A probe boot has no disks.
    const added: readonly VmmDisk[] = spec.disks.length === 0 ? [] : [{ id: "bulk", path: vmFiles(spec.vmDir).bulkDisk, readOnly: true }];
    const whole = { ...spec, disks: [...spec.disks, ...added] };
    return startJailed({
      driver: "qemu",
      spec: whole,
      program: { argv: planQemu({ path: qemu, version, tscKhz }, whole), binds, env },
      kernel: spec.boot.bzImage,
      binds: [],
      prepare: () => added.forEach(({ path }) => makeDisk(path, BULK_DISK.bytes, this.#deps.runAs)),
      sockets: SOCKETS,
      runAs: this.#deps.runAs,
      tools,
      signal,
      boot: (launched) => untilReady(spec.vmDir, launched, signal),
    });
  }

  bulkDisk({ vmDir }: VmmProcess): string {
    return vmFiles(vmDir).bulkDisk;
  }

  find(vmDir: string): Promise<VmmProcess | null> {
    return Promise.resolve(findNoted(vmDir, "qemu"));
  }

  connect(process: VmmProcess, signal: AbortSignal): Promise<Duplex> {
    return openChannel("QEMU", signal, () => connectUnix(join(vmFiles(process.vmDir).run, QEMU_SOCKETS.agent), signal));
  }

  wait(process: VmmProcess, signal: AbortSignal): Promise<VmmExit> {
    return waitForEnd(process, signal);
  }

  end(process: VmmProcess): Promise<void> {
    return endForSure(process, { sockets: SOCKETS, ask: () => quit(process), askTimeoutMs: QUIT_MS });
  }
}

/** QEMU greets on its monitor once every device is there, so every argument was good. Throws `vmm.failed` with its last words. */
async function untilReady(vmDir: string, launched: Launched, signal: AbortSignal): Promise<void> {
  const path = join(vmFiles(vmDir).run, QEMU_SOCKETS.qmp);
  const limit = AbortSignal.any([signal, AbortSignal.timeout(READY_MS)]);
  const isReady = await poll(
    async () => {
      const isAlive = isProcessAlive(launched.vmm);
      try {
        using _ = await QmpClient.connect(path, limit);
        return true;
      } catch (error) {
        signal.throwIfAborted();
        if (!isAlive) throw new BangerError("vmm.failed", `QEMU did not start: ${launched.lastWords()}`, { cause: error });
        return undefined;
      }
    },
    { timeoutMs: READY_MS, intervalMs: 5, signal },
  );
  if (isReady !== true)
    throw new BangerError("vmm.failed", `QEMU did not answer on its monitor within ${READY_MS / 1000} s: ${launched.lastWords()}`);
}

/** Lets QEMU write back what it holds. */
async function quit(process: VmmProcess): Promise<void> {
  const limit = AbortSignal.timeout(QUIT_MS);
  using client = await QmpClient.connect(join(vmFiles(process.vmDir).run, QEMU_SOCKETS.qmp), limit);
  await client.execute("quit", limit);
}
