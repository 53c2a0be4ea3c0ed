// What every VMM driver must do, run against each of them: the real programs, real jails and, where there is one, a real guest.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { AcceleratorName } from "@banger/api";
import { isProcessAlive, poll, signalProcess } from "@banger/host";
import { connectGuest } from "../guest/client.ts";
import type { GuestClient } from "../guest/contract.ts";
import type { BootFiles, VmmDriver, VmmProcess, VmmSpec } from "./contract.ts";

export interface DriverUnderTest {
  readonly name: string;
  /** URL of a module with `createDriver(): VmmDriver`; also loaded by another process. */
  readonly module: string;
  readonly createDriver: () => VmmDriver;
  readonly boot: BootFiles;
  readonly accelerator: AcceleratorName;
}

const never = new AbortController().signal;
const GUEST_MS = 90_000;
const VM_ID = /^[0-9a-f]{16}$/;

/** Declares the suite; `skip` names the capability that is missing. */
export function vmmContract(subject: DriverUnderTest, skip: string | false): void {
  describe(`the VMM contract: ${subject.name}`, { timeout: 600_000 }, () => {
    it("boots a guest whose agent answers, again on a second connection, and ends it", { skip }, (context) =>
      withVm(subject, context.signal, bootsAndEnds),
    );
    it("runs the VMM without rights and without the host's files", { skip }, (context) => withVm(subject, context.signal, runsInAJail));
    it("tells of a VMM that was killed, also to a daemon that did not start it", { skip }, (context) =>
      withVm(subject, context.signal, noticesAKill),
    );
    it("keeps the VM when the process that started it is killed", { skip }, (context) =>
      withVm(subject, context.signal, outlivesItsLauncher),
    );
    it("ends an ephemeral VM with the process that started it", { skip }, (context) =>
      withVm(subject, context.signal, endsWithItsLauncher),
    );
    it("sees a guest power off", { skip }, (context) => withVm(subject, context.signal, seesPoweroff));
    it("leaves nothing when a start is aborted, whenever that is", { skip }, (context) =>
      withVm(subject, context.signal, undoesAnAbortedStart),
    );
    it("tells why a VM with a missing disk does not start, and leaves nothing", { skip }, (context) =>
      withVm(subject, context.signal, explainsABadSpec),
    );
    it("refuses a second VMM for the same VM, and starts over what a crash left", { skip }, (context) =>
      withVm(subject, context.signal, startsOnce),
    );
    it("is unreachable, but not in error, after the end", { skip }, (context) => withVm(subject, context.signal, endsTwice));
  });
}

interface Trial {
  readonly subject: DriverUnderTest;
  readonly driver: VmmDriver;
  readonly spec: VmmSpec;
  readonly signal: AbortSignal;
}

async function withVm(subject: DriverUnderTest, signal: AbortSignal, body: (trial: Trial) => Promise<void>): Promise<void> {
  const vmDir = await mkdtemp(join(tmpdir(), "banger-vmm-"));
  const vmId = randomId();
  const driver = subject.createDriver();
  const data = join(vmDir, "data.img");
  await writeFile(data, Buffer.alloc(1024 * 1024));
  const spec: VmmSpec = {
    ...{ vmId, vcpu: 1, memoryMib: 256, boot: subject.boot, kernelArguments: ["banger.probe"] },
    ...{ disks: [{ id: "data", path: data, readOnly: false }], nic: null, namespace: null, accelerator: subject.accelerator, vmDir },
  };
  try {
    await body({ subject, driver, spec, signal });
  } finally {
    const left = await driver.find(vmDir);
    if (left !== null) await driver.end(left);
    await rm(vmDir, { recursive: true, force: true });
  }
  assert.deepEqual(await processesNaming(vmId), [], "a process of the VM is left");
}

async function bootsAndEnds({ driver, spec, signal }: Trial): Promise<void> {
  const process = await driver.start(spec, signal);
  assert.deepEqual(await driver.find(spec.vmDir), process);
  for (const _ of ["first", "second"]) {
    await using guest = await connect(driver, process);
    assert.equal((await guest.health()).stage, "waiting");
  }
  const ended = driver.wait(process, signal);
  await driver.end(process);
  await ended;
  assert.equal(isProcessAlive(process.vmm) || isProcessAlive(process.jail), false);
  assert.equal(await driver.find(spec.vmDir), null);
  assert.deepEqual(await readdir(join(spec.vmDir, "run")), []);
}

async function runsInAJail({ driver, spec, signal }: Trial): Promise<void> {
  const started = await driver.start(spec, signal);
  const status = await readFile(`/proc/${started.vmm.pid}/status`, "utf8");
  assert.match(status, /^CapEff:\s+0+$/m);
  assert.match(status, /^CapBnd:\s+0+$/m);
  assert.match(status, /^NoNewPrivs:\s+1$/m);
  assert.match(status, /^NSpid:\s+\d+\s+1$/m);
  if (process.getuid?.() !== 0) return;
  const root = `/proc/${started.vmm.pid}/root`;
  // The program under test may itself lie below /tmp or /home, and is bound there; nothing else of them is.
  await using neighbour = await hostFile();
  for (const path of ["/proc", "/sys", "/etc/passwd", neighbour.path]) assert.ok(existsSync(path) && !existsSync(`${root}${path}`), path);
  assert.deepEqual(
    (await readdir(`${root}/dev`)).filter((name) => !["null", "kvm", "net"].includes(name)),
    [],
  );
  assert.equal((await readFile(`/proc/${started.vmm.pid}/net/dev`, "utf8")).trim().split("\n").length, 3, "only lo is there");
  await assert.rejects(writeFile(`${root}/planted`, ""), { code: "EROFS" });
}

/** A file of the host's beside the VM's directory. */
async function hostFile() {
  const directory = await mkdtemp(join(tmpdir(), "banger-host-file-"));
  return { path: directory, [Symbol.asyncDispose]: () => rm(directory, { recursive: true }) };
}

async function noticesAKill({ subject, driver, spec, signal }: Trial): Promise<void> {
  const process = await driver.start(spec, signal);
  const other = subject.createDriver();
  const ends = [driver.wait(process, signal), other.wait(process, signal)];
  signalProcess(process.vmm, "SIGKILL");
  for (const exit of await Promise.all(ends)) assert.deepEqual(exit, { status: null, signal: "SIGKILL" });
  assert.deepEqual(await other.wait(process, signal), { status: null, signal: "SIGKILL" }, "also afterwards");
  await other.end(process);
}

async function outlivesItsLauncher({ subject, driver, spec, signal }: Trial): Promise<void> {
  const started = await startAndKillLauncher(subject, spec, signal);
  assert.deepEqual(await driver.find(spec.vmDir), started, "also found without a record");
  await using guest = await connect(driver, started);
  assert.equal((await guest.health()).stage, "waiting");
  assert.equal(isProcessAlive(started.vmm), true);
  await driver.end(started);
  assert.equal(isProcessAlive(started.vmm), false);
}

async function endsWithItsLauncher({ subject, driver, spec, signal }: Trial): Promise<void> {
  const started = await startAndKillLauncher(subject, { ...spec, isEphemeral: true }, signal);
  await driver.wait(started, signal);
  assert.equal(await driver.find(spec.vmDir), null);
}

/** Has another process start the VM as a daemon would, and kills that process. */
async function startAndKillLauncher(subject: DriverUnderTest, spec: VmmSpec, signal: AbortSignal): Promise<VmmProcess> {
  const script = fileURLToPath(new URL("contract-launcher.ts", import.meta.url));
  const launcher = spawn(process.execPath, [script, subject.module, JSON.stringify(spec)], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(createInterface(launcher.stdout), "line", { signal })) as [string];
  const gone = once(launcher, "exit");
  launcher.kill("SIGKILL");
  await gone;
  return JSON.parse(line) as VmmProcess;
}

async function seesPoweroff({ driver, spec, signal }: Trial): Promise<void> {
  const process = await driver.start(spec, signal);
  await using guest = await connect(driver, process);
  await guest.shutdown("poweroff", 1000);
  const console = await poll(() => grep(join(spec.vmDir, "console.log"), "going down: poweroff"), { timeoutMs: GUEST_MS });
  assert.equal(console, true, "the console tells of the poweroff");
  if (driver.features.outlivesPoweroff) assert.equal(isProcessAlive(process.vmm), true);
  else assert.deepEqual(await driver.wait(process, signal), { status: 0, signal: null });
  await driver.end(process);
}

async function undoesAnAbortedStart({ driver, spec }: Trial): Promise<void> {
  for (const delayMs of [0, 10, 40, 80, 120, 160, 200, 250]) {
    const started = await driver.start(spec, AbortSignal.timeout(delayMs)).catch((error: unknown) => {
      assert.equal((error as Error).name, "TimeoutError", `after ${delayMs} ms: ${String(error)}`);
      return undefined;
    });
    if (started !== undefined) await driver.end(started);
    assert.equal(await driver.find(spec.vmDir), null);
    assert.deepEqual(await processesNaming(spec.vmId), [], `after ${delayMs} ms`);
    const run = join(spec.vmDir, "run");
    assert.deepEqual(existsSync(run) ? await readdir(run) : [], [], `after ${delayMs} ms`);
  }
}

async function explainsABadSpec({ driver, spec, signal }: Trial): Promise<void> {
  const missing = join(spec.vmDir, "not-there.img");
  const disks = [...spec.disks, { id: "base" as const, path: missing, readOnly: true }];
  await assert.rejects(driver.start({ ...spec, disks }, signal), (error: Error & { code: string }) => {
    assert.equal(error.code, "vmm.failed");
    assert.match(error.message, /not-there\.img|\/disks\/base/);
    return true;
  });
  assert.deepEqual(await processesNaming(spec.vmId), []);
}

async function startsOnce({ driver, spec, signal }: Trial): Promise<void> {
  const process = await driver.start(spec, signal);
  await assert.rejects(driver.start(spec, signal), { code: "vmm.failed" });
  assert.equal(isProcessAlive(process.vmm), true, "the running one is left alone");
  // As a crash of the whole host would: its sockets stay behind.
  signalProcess(process.vmm, "SIGKILL");
  await driver.wait(process, signal);
  await leaveSockets(join(spec.vmDir, "run"));
  const next = await driver.start(spec, signal);
  await using guest = await connect(driver, next);
  assert.equal((await guest.health()).stage, "waiting");
  await driver.end(next);
}

async function endsTwice({ driver, spec, signal }: Trial): Promise<void> {
  const process = await driver.start(spec, signal);
  await driver.end(process);
  await driver.end(process);
  await assert.rejects(driver.connect(process, signal), { code: "guest.unreachable" });
}

function connect(driver: VmmDriver, process: VmmProcess): Promise<GuestClient> {
  return connectGuest({
    kind: driver.features.channel,
    open: (signal) => driver.connect(process, signal),
    signal: never,
    timeoutMs: GUEST_MS,
  });
}

async function grep(path: string, text: string): Promise<true | undefined> {
  return (await readFile(path, "utf8")).includes(text) ? true : undefined;
}

/** Binds and abandons every socket name a driver uses, where it is not there already. */
async function leaveSockets(directory: string): Promise<void> {
  const child = spawn(
    process.execPath,
    [
      "-e",
      `for (const n of ${JSON.stringify(["agent.sock", "qmp.sock", "api.sock", "vsock.sock"])}) require("net").createServer().on("error",()=>{}).listen(n); setTimeout(()=>process.kill(process.pid,"SIGKILL"),50)`,
    ],
    {
      cwd: directory,
      stdio: "ignore",
    },
  );
  await once(child, "exit");
}

async function processesNaming(vmId: string): Promise<readonly number[]> {
  assert.match(vmId, VM_ID);
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const named = await Promise.all(
    pids.map(async (pid) => ((await commandLine(pid)).includes(vmId) && pid !== process.pid ? pid : undefined)),
  );
  return named.filter((pid) => pid !== undefined);
}

async function commandLine(pid: number): Promise<string> {
  return readFile(`/proc/${pid}/cmdline`, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ESRCH") return "";
    throw error;
  });
}

function randomId(): string {
  return crypto.randomUUID().replaceAll("-", "").slice(0, 16);
}
