// The process of one fake VM: `node fake-vmm-process.ts VMDIR`. It plays VMDIR/run/fake-boot.json; its stdout is the console.
import { randomUUID } from "node:crypto";
import { appendFileSync, chmodSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { shortSocketPath } from "@banger/api";
import { identifyProcess } from "@banger/host";
import { FakeAgent } from "./fake-agent.ts";
import type { FakeMachine } from "./fake-vmm-driver.ts";

const vmDir = process.argv[2] ?? "";
const boot = JSON.parse(readFileSync(join(vmDir, "run", "fake-boot.json"), "utf8")) as FakeMachine;
const say = (line: string) => process.stdout.write(`${line}\n`);

function panic(): void {
  say("[    1.000000] Kernel panic - not syncing: asked for");
  process.exit(0);
}

const agent = new FakeAgent({
  ...boot,
  bootId: boot.bootId ?? randomUUID(),
  rootDir: join(vmDir, "fake-root"),
  env: process.env,
  onConsole: say,
  onPanic: panic,
  onEnded: (mode) => {
    if (mode !== "reboot" && boot.outlivesPoweroff) server.close();
    else process.exit(0);
  },
  onSpawn: (pid) => appendFileSync(join(vmDir, "run", "execs"), `${JSON.stringify(identifyProcess(pid))}\n`),
});
const isUp = new Promise<void>((resolve) => {
  if (boot.bootMs !== null) setTimeout(resolve, boot.bootMs ?? 0);
});

say("fake-vmm: booting");
const server = createServer({ allowHalfOpen: true }, (socket) => {
  socket.on("error", () => undefined);
  void isUp.then(() => (boot.channel === "serial" ? agent.serveSerial(socket) : agent.serve(socket)));
});
const socketPath = shortSocketPath(join(vmDir, "run", "agent.sock"));
server.listen(socketPath.path, () => chmodSync(socketPath.path, 0o600));
if (boot.panicAfterMs !== undefined) setTimeout(panic, boot.panicAfterMs);
// Without its server a halted machine would have nothing left to do.
setInterval(() => undefined, 60_000);
process.on("SIGTERM", () => process.exit(0));
