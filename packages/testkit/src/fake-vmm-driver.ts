// A VMM driver without a VMM: each "VM" is a Node process of its own that runs the fake agent behind vmDir/run/agent.sock. It
// outlives the daemon, can be killed with -9, and powers off and reboots, so lifecycles can be tested in milliseconds.
import { accessSync, existsSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { BangerError, shortSocketPath, type DriverName } from "@banger/api";
import { isProcessAlive, poll, signalProcess, type ProcessIdentity } from "@banger/host";
import type { VmmDriver, VmmExit, VmmFeatures, VmmProcess, VmmSpec } from "../../daemon/src/vmm/contract.ts";
import { fakeVmFiles, readJson, spawnFakeVm, type FakeBoot } from "./fake-vmm-launch.ts";

export interface FakeVmmOptions {
  readonly name?: DriverName;
  readonly channel?: VmmFeatures["channel"];
  /** After a poweroff the process lives on, as Firecracker does. */
  readonly outlivesPoweroff?: boolean;
  /** Chooses how the VM boots; `boot` counts this driver's boots of that VM from 1. */
  readonly plan?: (spec: VmmSpec, boot: number) => FakeBoot;
}

const START_MS = 20_000;
const END_MS = 2000;

export function createFakeVmmDriver(options: FakeVmmOptions = {}): VmmDriver {
  const name = options.name ?? "qemu";
  const channel = options.channel ?? "serial";
  const outlivesPoweroff = options.outlivesPoweroff ?? false;
  const boots = new Map<string, number>();
  return {
    name,
    features: { accelerators: ["kvm", "tcg"], channel, snapshots: false, maxVcpu: 255, outlivesPoweroff },
    version: async () => "0.0.0-fake",
    async start(spec, signal) {
      signal.throwIfAborted();
      const boot = (boots.get(spec.vmId) ?? 0) + 1;
      boots.set(spec.vmId, boot);
      const plan = options.plan?.(spec, boot) ?? {};
      refuseBadStart(spec, plan);
      return started(spec, spawnFakeVm(spec, { ...plan, channel, outlivesPoweroff, driver: name }), signal);
    },
    pausing: { watch: watchPauses, resume: async ({ vmDir }) => rmSync(fakeVmFiles(vmDir).paused, { force: true }) },
    find: async (vmDir) => find(vmDir),
    connect: (vmm, signal) => connectAgent(vmm.vmDir, signal),
    wait,
    end,
  };
}

/** As `createFakeVmmDriver()`, for suites that load a driver in another process. */
export const createDriver = (): VmmDriver => createFakeVmmDriver();

function refuseBadStart(spec: VmmSpec, plan: FakeBoot): void {
  if (plan.failStart !== undefined) throw new BangerError("vmm.failed", `the VMM did not start: ${plan.failStart}`);
  if (find(spec.vmDir) !== null) throw new BangerError("vmm.failed", `a VMM runs for ${spec.vmDir} already`);
  for (const { path } of spec.disks) {
    try {
      accessSync(path);
    } catch (cause) {
      throw new BangerError("vmm.failed", `the disk ${path} cannot be opened`, { cause });
    }
  }
}

function find(vmDir: string): VmmProcess | null {
  const noted = readJson(fakeVmFiles(vmDir).note) as VmmProcess | undefined;
  return noted !== undefined && isProcessAlive(noted.vmm) ? noted : null;
}

async function started(spec: VmmSpec, launcher: ProcessIdentity, signal: AbortSignal): Promise<VmmProcess> {
  const files = fakeVmFiles(spec.vmDir);
  try {
    const answers = async () => {
      if (!isProcessAlive(launcher)) throw new BangerError("vmm.failed", `the fake VMM ended: ${readFileSync(files.vmmLog, "utf8")}`);
      const found = find(spec.vmDir);
      if (found === null) return undefined;
      const stream = await connectAgent(spec.vmDir, signal).catch(() => undefined);
      stream?.destroy();
      return stream === undefined ? undefined : found;
    };
    const vmm = await poll(answers, { timeoutMs: START_MS, signal });
    signal.throwIfAborted();
    if (vmm === undefined) throw new BangerError("vmm.failed", "the fake VMM did not listen in time");
    return vmm;
  } catch (error) {
    // The jail comes first: it cannot start the VMM then, and what it has started has left its note or not yet run.
    signalProcess(launcher, "SIGKILL");
    const found = await poll(() => find(spec.vmDir) ?? undefined, { timeoutMs: 300 });
    if (found !== undefined) await end(found);
    rmSync(files.socket, { force: true });
    if (signal.aborted) throw signal.reason;
    throw error;
  }
}

async function wait(process: VmmProcess, signal: AbortSignal): Promise<VmmExit> {
  const files = fakeVmFiles(process.vmDir);
  const isGone = () => (isProcessAlive(process.vmm) || isProcessAlive(process.jail) ? undefined : true);
  while ((await poll(isGone, { timeoutMs: 60_000, signal })) !== true);
  const code = readJson(files.exit) as number | undefined;
  if (code === undefined) return { status: null, signal: null };
  return code === 137
    ? { status: null, signal: "SIGKILL" }
    : code === 143
      ? { status: null, signal: "SIGTERM" }
      : { status: code, signal: null };
}

async function watchPauses(process: VmmProcess, onChange: (isPaused: boolean) => void, signal: AbortSignal): Promise<void> {
  let was: boolean | undefined;
  const look = () => {
    const isPaused = existsSync(fakeVmFiles(process.vmDir).paused);
    if (isPaused !== was) onChange(isPaused);
    was = isPaused;
    return isProcessAlive(process.vmm) ? undefined : true;
  };
  await poll(look, { timeoutMs: Number.POSITIVE_INFINITY, signal });
}

async function end(process: VmmProcess): Promise<void> {
  const isGone = () => (isProcessAlive(process.vmm) || isProcessAlive(process.jail) ? undefined : true);
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    signalProcess(process.vmm, signal);
    if (signal === "SIGKILL") signalProcess(process.jail, signal);
    if ((await poll(isGone, { timeoutMs: END_MS })) === true) break;
  }
  const files = fakeVmFiles(process.vmDir);
  endExecs(files.execs);
  rmSync(files.socket, { force: true });
}

/** Commands of a guest that was killed are processes of this host, and would live on. */
function endExecs(file: string): void {
  let lines: string[] = [];
  try {
    lines = readFileSync(file, "utf8")
      .split("\n")
      .filter((line) => line !== "");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  for (const line of lines) {
    const leader = JSON.parse(line) as ProcessIdentity;
    if (isProcessAlive(leader)) process.kill(-leader.pid, "SIGKILL");
  }
  rmSync(file, { force: true });
}

function connectAgent(vmDir: string, signal: AbortSignal): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const short = shortSocketPath(fakeVmFiles(vmDir).socket);
    const socket = connect({ path: short.path, allowHalfOpen: true });
    const onAbort = () => socket.destroy(new Error("aborted"));
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    let isOpen = false;
    socket.once("connect", () => {
      isOpen = true;
      // What is aborted later is no more than the connecting.
      signal.removeEventListener("abort", onAbort);
      short[Symbol.dispose]();
      resolve(socket);
    });
    socket.on("error", (error) => {
      if (!isOpen) short[Symbol.dispose]();
      reject(new BangerError("guest.unreachable", `the VM's channel cannot be opened: ${error.message}`, { cause: error }));
    });
  });
}
