// The process of one fake VM: `node fake-vmm-process.ts VMDIR`. It plays the machine described there; its stdout is the console.
import { randomUUID } from "node:crypto";
import { appendFileSync, chmodSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { shortSocketPath } from "@banger/api";
import { identifyProcess, isProcessAlive } from "@banger/host";
import type { VmmProcess } from "../../daemon/src/vmm/contract.ts";
import { FakeAgent } from "./fake-agent.ts";
import { fakeVmFiles, type FakeMachine } from "./fake-vmm-launch.ts";

const vmDir = process.argv[2] ?? "";
const files = fakeVmFiles(vmDir);
const machine = JSON.parse(readFileSync(files.machine, "utf8")) as FakeMachine;
const say = (line: string) => process.stdout.write(`${line}\n`);

noteProcess();

function noteProcess(): void {
  const vmm = identifyProcess(process.pid);
  const jail = identifyProcess(process.ppid);
  // Without its jail the start was aborted.
  if (vmm === undefined || jail === undefined || process.ppid === 1) process.exit(1);
  const note: VmmProcess = { driver: machine.driver, accelerator: machine.accelerator, vmDir, vmm, jail };
  writeFileSync(`${files.note}.tmp`, JSON.stringify(note));
  renameSync(`${files.note}.tmp`, files.note);
}

function panic(): void {
  say("[    1.000000] Kernel panic - not syncing: asked for");
  process.exit(0);
}

const agent = new FakeAgent({
  ...machine,
  bootId: machine.bootId ?? randomUUID(),
  rootDir: files.root,
  env: process.env,
  onConsole: say,
  onPanic: panic,
  onClock: (offsetMs) => appendFileSync(files.clock, `${offsetMs}\n`),
  onEnded: (mode) => {
    say(`[    9.000000] reboot: ${{ reboot: "Restarting system", poweroff: "Power down", halt: "System halted" }[mode]}`);
    if (mode === "halt" || (mode === "poweroff" && machine.outlivesPoweroff)) server.close();
    else process.exit(0);
  },
  onSpawn: (pid) => {
    const leader = identifyProcess(pid);
    // A short command may be over already.
    if (leader !== undefined) appendFileSync(files.execs, `${JSON.stringify(leader)}\n`);
  },
});
const isUp = new Promise<void>((resolve) => {
  if (machine.bootMs !== null) setTimeout(resolve, machine.bootMs ?? 0);
});

if (machine.onSignal !== undefined) {
  for (const signal of ["SIGINT", "SIGHUP", "SIGQUIT", "SIGTERM"] as const)
    process.on(signal, () => {
      if (machine.onSignal === "quits") process.exit(0);
    });
}

say("fake-vmm: booting");
const server = createServer({ allowHalfOpen: true }, (socket) => {
  socket.on("error", () => undefined);
  void isUp.then(() => (machine.channel === "serial" ? agent.serveSerial(socket) : agent.serve(socket)));
});
const socketPath = shortSocketPath(files.socket);
server.listen(socketPath.path, () => chmodSync(socketPath.path, 0o600));
if (machine.panicAfterMs !== undefined) setTimeout(panic, machine.panicAfterMs);
// It also keeps a halted machine alive, which has no server any more.
setInterval(() => {
  if (machine.endsWith !== null && !isProcessAlive(machine.endsWith)) process.exit(0);
}, 100);
