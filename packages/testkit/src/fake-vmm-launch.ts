// Starting the process of a fake VM, and the files it leaves in the VM's directory.
import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { BangerError, type DriverName } from "@banger/api";
import { identifyProcess, type ProcessIdentity } from "@banger/host";
import type { VmmFeatures, VmmSpec } from "../../daemon/src/vmm/contract.ts";
import type { FakeAgentOptions } from "./fake-agent.ts";

type AgentPart = "bootId" | "init" | "readiness" | "configureMs" | "faults" | "endsItself" | "downMs" | "ignoresShutdown";

/** How one boot goes. JSON, because the process that plays it is another one. */
export interface FakeBoot extends Pick<FakeAgentOptions, AgentPart> {
  /** Milliseconds until the agent answers at all; null: never. Default 0. */
  readonly bootMs?: number | null;
  /** Milliseconds after which the kernel panics. */
  readonly panicAfterMs?: number;
  /** What INT, HUP, QUIT and TERM do to the VMM: nothing, or end it with status 0. Default: end it as they end any process. */
  readonly onSignal?: "ignored" | "quits";
  /** The VMM does not start, with these last words. */
  readonly failStart?: string;
}

/** What the process is told. */
export interface FakeMachine extends FakeBoot {
  readonly driver: DriverName;
  readonly accelerator: VmmSpec["accelerator"];
  readonly channel: VmmFeatures["channel"];
  readonly outlivesPoweroff: boolean;
  /** The VM ends when this process does. */
  readonly endsWith: ProcessIdentity | null;
}

/** The jail: it waits for the VMM and notes how it ended, for daemons that are not its parent. */
const JAIL = ["-c", 'exit_file=$1; shift; "$@"; echo $? > "$exit_file"', "sh"];

export function fakeVmFiles(vmDir: string) {
  return {
    socket: join(vmDir, "run", "agent.sock"),
    console: join(vmDir, "console.log"),
    vmmLog: join(vmDir, "vmm.log"),
    machine: join(vmDir, "fake-machine.json"),
    /** The VmmProcess, written by the VMM itself before anything else. */
    note: join(vmDir, "fake-process.json"),
    exit: join(vmDir, "fake-exit"),
    execs: join(vmDir, "fake-execs"),
    /** While it is there, the guest stands still for want of space on the host. */
    paused: join(vmDir, "fake-paused"),
    /** How far its clock was set, in milliseconds, a line each time. */
    clock: join(vmDir, "fake-clock"),
    /** What stands for the guest's `/`; kept between boots. */
    root: join(vmDir, "fake-root"),
  } as const;
}

/** Starts the jail of a fake VM, detached; answers who that is. */
export function spawnFakeVm(spec: VmmSpec, boot: Omit<FakeMachine, "accelerator" | "endsWith">): ProcessIdentity {
  const files = fakeVmFiles(spec.vmDir);
  mkdirSync(join(spec.vmDir, "run"), { recursive: true, mode: 0o700 });
  mkdirSync(files.root, { recursive: true });
  for (const stale of [files.socket, files.note, files.exit]) rmSync(stale, { force: true });
  const endsWith = spec.isEphemeral === true ? (identifyProcess(process.pid) ?? null) : null;
  const machine: FakeMachine = { ...boot, accelerator: spec.accelerator, endsWith };
  writeFileSync(files.machine, JSON.stringify(machine));
  const console = openSync(files.console, "a", 0o600);
  const log = openSync(files.vmmLog, "a", 0o600);
  try {
    const program = fileURLToPath(new URL("./fake-vmm-process.ts", import.meta.url));
    const words = [...JAIL, files.exit, process.execPath, program, spec.vmDir];
    const child = spawn("sh", words, { detached: true, cwd: "/", stdio: ["ignore", console, log] });
    child.on("error", () => undefined);
    child.unref();
    const jail = child.pid === undefined ? undefined : identifyProcess(child.pid);
    if (jail === undefined) throw new BangerError("vmm.failed", "the fake VMM could not be started");
    return jail;
  } finally {
    closeSync(console);
    closeSync(log);
  }
}

/** The JSON in a file; undefined when it is not there or not whole yet. */
export function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
