// A VMM driver without a VMM: each "VM" is a Node process of its own that runs the fake agent behind vmDir/run/agent.sock. It
// outlives the daemon, can be killed with -9, and powers off and reboots, so lifecycles can be tested in milliseconds.
import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, openSync, closeSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";
import { BangerError, shortSocketPath, type DriverName } from "@banger/api";
import { identifyProcess, isProcessAlive, poll, signalProcess, type ProcessIdentity } from "@banger/host";
import type { VmmDriver, VmmExit, VmmFeatures, VmmProcess, VmmSpec } from "../../daemon/src/vmm/contract.ts";
import type { FakeAgentOptions } from "./fake-agent.ts";

/** How one boot goes. JSON, because the process that plays it is another one. */
export interface FakeBoot extends Pick<FakeAgentOptions, "bootId" | "init" | "readiness" | "configureMs" | "faults" | "ignoresShutdown"> {
  /** Milliseconds until the agent answers at all; null: never. Default 0. */
  readonly bootMs?: number | null;
  /** Milliseconds after which the kernel panics. */
  readonly panicAfterMs?: number;
  /** The VMM does not start, with these last words. */
  readonly failStart?: string;
}

/** What the process is told. */
export interface FakeMachine extends FakeBoot {
  readonly channel: VmmFeatures["channel"];
  readonly outlivesPoweroff: boolean;
}

export interface FakeVmmOptions {
  readonly name?: DriverName;
  readonly channel?: VmmFeatures["channel"];
  /** After a poweroff the process lives on, as Firecracker does. */
  readonly outlivesPoweroff?: boolean;
  /** Chooses how the VM boots; `boot` counts this driver's boots of that VM from 1. */
  readonly plan?: (spec: VmmSpec, boot: number) => FakeBoot;
}

const START_MS = 20_000;
const TERM_MS = 2000;

export function createFakeVmmDriver(options: FakeVmmOptions = {}): VmmDriver {
  const name = options.name ?? "qemu";
  const channel = options.channel ?? "serial";
  const boots = new Map<string, number>();
  const exits = new Map<number, Promise<VmmExit>>();
  return {
    name,
    features: { accelerators: ["kvm", "tcg"], channel, snapshots: false, outlivesPoweroff: options.outlivesPoweroff ?? false },
    version: async () => "0.0.0-fake",
    async start(spec, signal) {
      signal.throwIfAborted();
      const boot = (boots.get(spec.vmId) ?? 0) + 1;
      boots.set(spec.vmId, boot);
      const plan = options.plan?.(spec, boot) ?? {};
      if (plan.failStart !== undefined) throw new BangerError("vmm.failed", `the VMM did not start: ${plan.failStart}`);
      const child = spawnGuest(spec, { ...plan, channel, outlivesPoweroff: options.outlivesPoweroff ?? false });
      if (child.pid !== undefined) {
        exits.set(child.pid, new Promise((resolve) => child.once("exit", (status, ended) => resolve({ status, signal: ended }))));
      }
      const vmm = await listening(child, spec.vmDir, signal);
      return { driver: name, accelerator: spec.accelerator, vmDir: spec.vmDir, vmm, jail: vmm };
    },
    connect: (vmm, signal) => connectAgent(vmm.vmDir, signal),
    async wait(vmm, signal) {
      for (;;) {
        const isOver = await poll(() => (isProcessAlive(vmm.vmm) ? undefined : true), { timeoutMs: 60_000, signal });
        if (isOver === true) return (await exits.get(vmm.vmm.pid)) ?? { status: null, signal: null };
      }
    },
    end,
  };
}

async function end(process: VmmProcess): Promise<void> {
  const gone = () => (isProcessAlive(process.vmm) ? undefined : true);
  signalProcess(process.vmm, "SIGTERM");
  if ((await poll(gone, { timeoutMs: TERM_MS })) !== true) {
    signalProcess(process.vmm, "SIGKILL");
    await poll(gone, { timeoutMs: TERM_MS });
  }
  endExecs(process.vmDir);
}

/** Commands of a guest that was killed are processes of this host, and would live on. */
function endExecs(vmDir: string): void {
  const file = join(vmDir, "run", "execs");
  let lines: string[] = [];
  try {
    lines = readFileSync(file, "utf8").split("\n").filter((line) => line !== "");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  for (const line of lines) {
    const leader = JSON.parse(line) as ProcessIdentity;
    if (isProcessAlive(leader)) process.kill(-leader.pid, "SIGKILL");
  }
  rmSync(file, { force: true });
}

function spawnGuest(spec: VmmSpec, plan: FakeMachine): ChildProcess {
  mkdirSync(join(spec.vmDir, "run"), { recursive: true, mode: 0o700 });
  // The data disk of this VM: what was put into it is there at the next boot.
  mkdirSync(join(spec.vmDir, "fake-root"), { recursive: true });
  writeFileSync(join(spec.vmDir, "run", "fake-boot.json"), JSON.stringify(plan));
  rmSync(join(spec.vmDir, "run", "agent.sock"), { force: true });
  const console = openSync(join(spec.vmDir, "console.log"), "a", 0o600);
  const log = openSync(join(spec.vmDir, "vmm.log"), "a", 0o600);
  try {
    const program = fileURLToPath(new URL("./fake-vmm-process.ts", import.meta.url));
    const child = spawn(process.execPath, [program, spec.vmDir], { detached: true, cwd: "/", stdio: ["ignore", console, log] });
    child.unref();
    return child;
  } finally {
    closeSync(console);
    closeSync(log);
  }
}

async function listening(child: ChildProcess, vmDir: string, signal: AbortSignal): Promise<ProcessIdentity> {
  const pid = child.pid;
  const vmm = pid === undefined ? undefined : identifyProcess(pid);
  if (pid === undefined || vmm === undefined) throw new BangerError("vmm.failed", "the fake VMM could not be started");
  try {
    const answered = await poll(
      async () => {
        if (!isProcessAlive(vmm)) throw new BangerError("vmm.failed", `the fake VMM ended: ${readFileSync(join(vmDir, "vmm.log"), "utf8")}`);
        const stream = await connectAgent(vmDir, signal).catch(() => undefined);
        return stream?.destroy();
      },
      { timeoutMs: START_MS, signal },
    );
    if (answered === undefined) throw new BangerError("vmm.failed", "the fake VMM did not listen in time");
    return vmm;
  } catch (error) {
    signalProcess(vmm, "SIGKILL");
    throw error;
  }
}

function connectAgent(vmDir: string, signal: AbortSignal): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const short = shortSocketPath(join(vmDir, "run", "agent.sock"));
    const socket = connect({ path: short.path, allowHalfOpen: true, signal });
    socket.once("connect", () => {
      short[Symbol.dispose]();
      resolve(socket);
    });
    socket.on("error", (error) => {
      short[Symbol.dispose]();
      reject(new BangerError("guest.unreachable", `the VM's channel cannot be opened: ${error.message}`, { cause: error }));
    });
  });
}
