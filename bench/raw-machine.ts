// The floor of a cold start: the very VMM, kernel, disks and arguments of a VM of banger's, started from a bare script and
// configured over its channel, to the same readiness. No jail, no journal, no daemon, and a tap that leads nowhere.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { guestConfiguration } from "../packages/daemon/src/guest/configuration.ts";
import { connectGuest } from "../packages/daemon/src/guest/client.ts";
import { BULK_DISK, type GuestClient } from "../packages/daemon/src/guest/contract.ts";
import { generateSshKey } from "../packages/daemon/src/guest/openssh-key.ts";
import { defaultCidr, parseSubnet } from "../packages/daemon/src/network/addresses.ts";
import { JAIL } from "../packages/daemon/src/vmm/jail.ts";
import { QEMU_SOCKETS } from "../packages/daemon/src/vmm/qemu/argv.ts";
import { connectUnix } from "../packages/daemon/src/vmm/unix-socket.ts";
import { relocate, type JailedArgv } from "./jailed-argv.ts";

const execute = promisify(execFile);
const BOOT_MS = 300_000;

export interface RawMachine {
  /** What a VM of banger's was started with. */
  readonly model: JailedArgv;
  /** An empty data disk as banger makes it, to be copied. */
  readonly emptyDisk: string;
  /** A directory of the machine's own; what is in it goes. */
  readonly directory: string;
  readonly signal: AbortSignal;
}

export interface RawGuest extends AsyncDisposable {
  /** Milliseconds from the start of the script to basic.target. */
  readonly bootMs: number;
  /** Milliseconds from asking the guest's init for a power-off to the VMM's end. */
  poweroff(): Promise<number>;
}

/** The usual tap, in a namespace of its own; then the VMM in place of the script. */
const SCRIPT = 'ip tuntap add dev tap0 mode tap && ip link set dev tap0 up && exec "$@"';

export async function bootRaw(machine: RawMachine): Promise<RawGuest> {
  const places = await prepare(machine);
  const argv = relocate(machine.model.program, places).map((word) => word.replace(/^(tap,.*ifname=)[^,]+/, "$1tap0"));
  const began = performance.now();
  // A bench that is killed takes its raw machine along.
  const bare = ["setpriv", "--pdeathsig", "KILL", "sh", "-c", SCRIPT, "sh", ...argv];
  const args = ["--user", "--map-root-user", "--net", "--", ...bare];
  // A session of its own, as a jail has: the kernel shares processors out by session (autogroup in sched(7)).
  const child = spawn("unshare", args, { stdio: ["ignore", "ignore", "pipe"], cwd: machine.directory, detached: true });
  const ended = once(child, "exit");
  const words: Buffer[] = [];
  child.stderr.on("data", (chunk: Buffer) => words.push(chunk));
  const end = async () => {
    child.kill("SIGKILL");
    await ended;
  };
  try {
    const died = new AbortController();
    child.once("exit", () => died.abort(new Error("the VMM has ended")));
    const signal = AbortSignal.any([machine.signal, AbortSignal.timeout(BOOT_MS), died.signal]);
    const guest = await untilBasic({ ...machine, signal });
    const bootMs = performance.now() - began;
    return { bootMs, poweroff: () => poweroff(guest, ended), [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw new Error(`the floor did not boot: ${Buffer.concat(words).toString()}`, { cause: error });
  }
}

async function prepare({ model, emptyDisk, directory }: RawMachine): Promise<ReadonlyMap<string, string>> {
  await rm(directory, { recursive: true, force: true });
  const inOwn = (name: string) => join(directory, name);
  const own = { run: inOwn("run"), firmware: inOwn("firmware"), data: inOwn("data.ext4"), bulk: inOwn("bulk.raw") };
  await mkdir(own.run, { recursive: true });
  await mkdir(own.firmware);
  await execute("cp", ["--sparse=always", emptyDisk, own.data]);
  await writeFile(own.bulk, "");
  await truncate(own.bulk, BULK_DISK.bytes);
  const places = new Map(model.binds.map(({ source, target }) => [target, source]));
  for (const [target, source] of places) {
    if (target.startsWith(`${JAIL.firmware}/`)) await symlink(source, join(own.firmware, basename(target)));
  }
  for (const disk of ["data", "bulk"] as const) places.set(`${JAIL.disks}/${disk}`, own[disk]);
  return places.set(JAIL.run, own.run).set(JAIL.firmware, own.firmware);
}

async function untilBasic({ model, directory, signal }: RawMachine): Promise<GuestClient> {
  const socket = join(directory, "run", QEMU_SOCKETS.agent);
  while (!existsSync(socket)) await delay(2, undefined, { signal });
  const guest = await connectGuest({ kind: "serial", open: (limit) => connectUnix(socket, limit), signal, timeoutMs: BOOT_MS });
  await guest.configure(configurationOf(model.program), signal);
  for await (const event of guest.events(signal)) {
    if (event.type === "readiness" && event.level === "basic") return guest;
  }
  throw new Error("the guest's events ended before basic.target");
}

function configurationOf(program: readonly string[]) {
  const words = program.join(" ");
  const ids = [...words.matchAll(/node-name=(base|data|modules)\b/g)].map((match) => ({ id: match[1] as "base" | "data" | "modules" }));
  const mac = /\bmac=([0-9a-f:]+)/.exec(words)?.[1];
  return guestConfiguration({
    vm: { id: "bench", name: "bench", network: mac === undefined ? null : { address: "172.16.0.2", mac } },
    subnet: parseSubnet(defaultCidr),
    disks: ids,
    image: { baseType: "squashfs", env: [] },
    hostKey: generateSshKey("root@bench"),
    authorizedKeys: [],
    git: null,
    nowUnixMs: Date.now(),
  });
}

/** By the signal that makes systemd power off (systemd(1)), several hundred milliseconds before systemctl would. */
async function poweroff(guest: GuestClient, ended: Promise<unknown>): Promise<number> {
  const began = performance.now();
  const stream = await guest.exec({ argv: ["bash", "-c", "kill -s RTMIN+4 1"], login: false, stdin: false });
  // The connection breaks with the guest.
  stream.on("error", () => undefined).resume();
  await ended;
  return performance.now() - began;
}
