// The Firecracker driver: KVM only, the guest channel is vsock. A Firecracker outlives its guest's poweroff and knows no
// command to end, so it is killed; what the guest has flushed is with the host's kernel by then.
import { closeSync } from "node:fs";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { BangerError } from "@banger/api";
import { findProgram, isProcessAlive, poll, run, type RunAs } from "@banger/host";
import type { VmmDriver, VmmExit, VmmFeatures, VmmProcess, VmmSpec } from "../contract.ts";
import { JAIL } from "../jail.ts";
import { findJailTools, openChannel, startJailed } from "../jailed-vmm.ts";
import { lastWords } from "../last-words.ts";
import { findNoted } from "../launch-note.ts";
import type { Launched } from "../launcher.ts";
import { endForSure, waitForEnd } from "../lifetime.ts";
import { resolveProgram, type Program } from "../program.ts";
import { ProgramFacts } from "../program-facts.ts";
import { openLog, readTail, vmFiles } from "../vm-directory.ts";
import { FirecrackerFault, isAnswering, put } from "./api.ts";
import { FIRECRACKER_SOCKETS, firecrackerArgv, planFirecracker } from "./configuration.ts";
import { checkFirecrackerVersion, FIRECRACKER_HINT } from "./version.ts";
import { AGENT_PORT, connectVsock } from "./vsock.ts";

const SOCKETS = Object.values(FIRECRACKER_SOCKETS);
const LOG_NAME = "firecracker.log";
const READY_MS = 20_000;

export interface FirecrackerDeps {
  /** Where programs are looked for, as in PATH. */
  readonly searchPath: string;
  /** `firecracker_bin` of the configuration; null: `firecracker` on the search path. */
  readonly firecrackerBin: () => Promise<string | null>;
  readonly runAs: RunAs | null;
  /** What the program at a path needs in its jail. */
  readonly resolveProgram?: (path: string) => Promise<Program>;
}

export class FirecrackerDriver implements VmmDriver {
  readonly name = "firecracker";
  readonly features: VmmFeatures = { accelerators: ["kvm"], channel: "vsock", snapshots: false, maxVcpu: 32, outlivesPoweroff: true };
  readonly ownLogs = [LOG_NAME];
  readonly #deps: FirecrackerDeps;
  readonly #versions = new ProgramFacts(firecrackerVersion);

  constructor(deps: FirecrackerDeps) {
    this.#deps = deps;
  }

  async version(): Promise<string> {
    return this.#versions.of(await this.#binary());
  }

  async start(spec: VmmSpec, signal: AbortSignal): Promise<VmmProcess> {
    if (spec.accelerator !== "kvm") throw new BangerError("vmm.unsupported", "Firecracker needs KVM", { hint: "banger doctor" });
    const binary = await this.#binary();
    const [tools, program] = await Promise.all([
      findJailTools(this.#deps.searchPath),
      (this.#deps.resolveProgram ?? resolveProgram)(binary),
    ]);
    const log = logPath(spec.vmDir);
    return startJailed({
      driver: "firecracker",
      spec,
      program: { ...program, argv: firecrackerArgv(program.argv, spec.vmId) },
      kernel: spec.boot.vmlinux,
      binds: [{ source: log, target: JAIL.log, access: "rw" }],
      sockets: SOCKETS,
      prepare: () => closeSync(openLog(log, this.#deps.runAs, true)),
      runAs: this.#deps.runAs,
      tools,
      signal,
      boot: (launched) => boot(spec, launched, signal),
    });
  }

  find(vmDir: string): Promise<VmmProcess | null> {
    return Promise.resolve(findNoted(vmDir, "firecracker"));
  }

  connect(process: VmmProcess, signal: AbortSignal): Promise<Duplex> {
    const path = join(vmFiles(process.vmDir).run, FIRECRACKER_SOCKETS.vsock);
    return openChannel("Firecracker", signal, () => connectVsock(path, AGENT_PORT, signal));
  }

  wait(process: VmmProcess, signal: AbortSignal): Promise<VmmExit> {
    return waitForEnd(process, signal);
  }

  end(process: VmmProcess): Promise<void> {
    return endForSure(process, { sockets: SOCKETS });
  }

  async #binary(): Promise<string> {
    const configured = await this.#deps.firecrackerBin();
    const found = await findProgram(configured ?? "firecracker", this.#deps.searchPath);
    if (found !== undefined) return found;
    const where = configured === null ? "is not installed" : `is not at ${configured}, where the configuration says`;
    throw new BangerError("vmm.missing", `firecracker ${where}`, { hint: FIRECRACKER_HINT });
  }
}

async function firecrackerVersion(binary: string): Promise<string> {
  return checkFirecrackerVersion((await run([binary, "--version"], { timeoutMs: 10_000 })).stdout);
}

function logPath(vmDir: string): string {
  return join(vmDir, LOG_NAME);
}

/** Configures and starts the guest. Throws `vmm.failed` with Firecracker's words. */
async function boot(spec: VmmSpec, launched: Launched, signal: AbortSignal): Promise<void> {
  const socket = join(vmFiles(spec.vmDir).run, FIRECRACKER_SOCKETS.api);
  const words = () => [launched.lastWords(), lastWords(readTail(logPath(spec.vmDir)))].filter(Boolean).join("\n");
  const deadline = AbortSignal.timeout(READY_MS);
  const limit = AbortSignal.any([signal, deadline]);
  try {
    await untilAnswering(socket, launched, limit);
    for (const call of planFirecracker(spec)) await put(socket, call, limit);
  } catch (error) {
    signal.throwIfAborted();
    const unsaid = deadline.aborted ? `it did not answer within ${READY_MS / 1000} s` : String(error);
    const what = error instanceof FirecrackerFault ? error.message : words() || unsaid;
    throw new BangerError("vmm.failed", `Firecracker did not start: ${lastWords(what)}`, { details: { log: words() }, cause: error });
  }
}

async function untilAnswering(socket: string, launched: Launched, signal: AbortSignal): Promise<void> {
  await poll(
    async () => {
      const isAlive = isProcessAlive(launched.vmm);
      if (await isAnswering(socket, signal)) return true;
      if (!isAlive) throw new Error("Firecracker ended at once");
      return undefined;
    },
    { timeoutMs: Number.POSITIVE_INFINITY, intervalMs: 3, signal },
  );
}
