// A private piece of internet for tests: a "host" on which the daemon under test runs, and an "outside" it has as default
// route, both network namespaces; guests are namespaces too, tied to the bridge under the name of their tap. Root makes
// these directly and runs the network as an unprivileged user; an ordinary user makes them inside a user namespace.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { asUser, poll, run, type ProcessIdentity, type RunAs } from "@banger/host";
import type { VmNetwork } from "../contract.ts";
import { probeNetwork } from "../availability.ts";
import { tapName } from "../addresses.ts";
import { endProcesses, findMarked, markerOf } from "../detached.ts";
import { LabDaemon } from "./lab-daemon.ts";

/** Addresses of the lab, from the ranges kept for documentation. */
export const hostAddress = "198.51.100.2";
export const outsideAddress = "198.51.100.1";
export const farAddress = "203.0.113.7";
export const metadataAddress = "169.254.169.254";
export const servicePort = 8080;

const isRoot = process.getuid?.() === 0;
/** Needs no account: setpriv takes numbers. */
const unprivileged: RunAs = { uid: 61_234, gid: 61_234, home: "/" };
export const labRunAs: RunAs | null = isRoot ? unprivileged : null;

/** Why the lab cannot be built here, or false. */
export async function labObstacle(): Promise<string | false> {
  const probe = await probeNetwork({ searchPath: process.env["PATH"] ?? "", runAs: labRunAs });
  if (!("programs" in probe)) return `${probe.message} (${probe.hint})`;
  try {
    await run([...newHost(), "true"]);
    return false;
  } catch (error) {
    return `no namespace for a test host: ${error instanceof Error ? error.message : String(error)}`;
  }
}

export class Lab implements AsyncDisposable {
  readonly directory: string;
  readonly #children: ChildProcess[] = [];
  readonly #daemons: LabDaemon[] = [];
  #hostPid = 0;
  #outsidePid = 0;

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async make(): Promise<Lab> {
    const lab = new Lab(await mkdtemp(join(tmpdir(), "banger-lab-")));
    try {
      await lab.#build();
      return lab;
    } catch (error) {
      await lab[Symbol.asyncDispose]();
      throw error;
    }
  }

  get resolvConf(): string {
    return join(this.directory, "resolv.conf");
  }

  get upstreamConf(): string {
    return join(this.directory, "upstream.conf");
  }

  async #build(): Promise<void> {
    await writeFile(this.resolvConf, `nameserver ${outsideAddress}\n`);
    await writeFile(this.upstreamConf, "");
    this.#hostPid = await this.#hold([...newHost(), "sleep", "infinity"]);
    this.#outsidePid = await this.#hold(this.inHost(["unshare", "--net", "--", "sleep", "infinity"]));
    await run(this.inHost(["mount", "--bind", this.resolvConf, "/etc/resolv.conf"]));
    await this.#ip(this.#hostPid, [
      "link set lo up",
      `link add eth9 type veth peer name eth9 netns ${this.#outsidePid}`,
      `address add ${hostAddress}/24 dev eth9`,
      "link set eth9 up",
      `route add default via ${outsideAddress}`,
    ]);
    await this.#ip(this.#outsidePid, [
      "link set lo up",
      `address add ${outsideAddress}/24 dev eth9`,
      `address add ${farAddress}/32 dev lo`,
      `address add ${metadataAddress}/32 dev lo`,
      "link set eth9 up",
    ]);
  }

  inHost(argv: readonly string[]): readonly string[] {
    return this.#in(this.#hostPid, ["--mount"], argv);
  }

  inOutside(argv: readonly string[]): readonly string[] {
    return this.#in(this.#outsidePid, [], argv);
  }

  /** Inside the anchor's namespaces, or a guest's: both belong to the unprivileged user. */
  inNamespace(pid: number, argv: readonly string[]): readonly string[] {
    return asUser(["nsenter", "--user", "--net", "--preserve-credentials", "--target", String(pid), "--", ...argv], labRunAs);
  }

  /** Starts a daemon that has just the network in it. */
  async daemon(): Promise<LabDaemon> {
    const config = { directory: this.directory, upstreamConf: this.upstreamConf, runAs: labRunAs };
    const argv = this.inHost([process.execPath, join(import.meta.dirname, "daemon-main.ts"), JSON.stringify(config)]);
    const daemon = new LabDaemon(argv);
    this.#daemons.push(daemon);
    return daemon;
  }

  /** A listener that greets on TCP `address:servicePort`, or a DNS server on `address:53`, where `wrap` puts it. */
  async serve(kind: "tcp" | "dns", address: string, wrap: (argv: readonly string[]) => readonly string[]): Promise<void> {
    const child = this.#spawn(
      wrap([process.execPath, join(import.meta.dirname, "server-main.ts"), kind, address, String(servicePort)]),
      "pipe",
    );
    if (child.stdout === null) throw new Error("the server has an output");
    for await (const _ of createInterface(child.stdout)) return;
    throw new Error(`the ${kind} server on ${address} did not start`);
  }

  /** A guest on the bridge in place of a VM: a namespace whose cable is named as the VM's tap, so all rules mind it. */
  async guest(anchorPid: number, vm: VmNetwork): Promise<number> {
    const pid = await this.#hold(this.inNamespace(anchorPid, ["unshare", "--net", "--", "sleep", "infinity"]));
    const tap = tapName(vm.vmId);
    await this.ip(anchorPid, [
      `link delete ${tap}`,
      `link add ${tap} type veth peer name eth0 netns ${pid}`,
      `link set ${tap} master br-fc`,
      `link set ${tap} type bridge_slave isolated on`,
      `link set ${tap} up`,
    ]);
    await this.ip(pid, [
      "link set lo up",
      `link set eth0 address ${vm.mac}`,
      `address add ${vm.address}/24 dev eth0`,
      "link set eth0 up",
      "route add default via 172.16.0.1",
    ]);
    // Guests bring their own TCP; these would inherit the host's, which may be one (BBR) that does not slow down on losses.
    await run(this.inNamespace(pid, ["tee", "/proc/sys/net/ipv4/tcp_congestion_control"]), { input: "reno\n" });
    return pid;
  }

  /** What a guest (or whoever is wrapped) gets when it tries: the answer's text, or the error's code. */
  static async probe(wrapped: (argv: readonly string[]) => readonly string[], ...args: readonly string[]): Promise<string> {
    const { stdout } = await run(wrapped([process.execPath, join(import.meta.dirname, "probe-main.ts"), ...args]), { timeoutMs: 60_000 });
    return stdout;
  }

  /** Anchors and pastas of this lab's daemons, recorded or not. They belong to the unprivileged user, or to the ordinary one. */
  networkProcesses(): Promise<readonly ProcessIdentity[]> {
    return findMarked(markerOf(this.directory), labRunAs?.uid ?? process.getuid?.() ?? -1);
  }

  async ip(pid: number, lines: readonly string[]): Promise<void> {
    await run(this.inNamespace(pid, ["ip", "-batch", "-"]), { input: `${lines.join("\n")}\n`, env: path });
  }

  async output(pid: number, argv: readonly string[]): Promise<string> {
    return (await run(this.inNamespace(pid, argv), { env: path })).stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const daemon of this.#daemons) await daemon.kill();
    await endProcesses(await this.networkProcesses());
    for (const child of this.#children.toReversed()) child.kill("SIGKILL");
    await Promise.all(this.#children.map(async (child) => child.exitCode ?? child.signalCode ?? (await once(child, "exit"))));
    await rm(this.directory, { recursive: true, force: true });
  }

  async #ip(pid: number, lines: readonly string[]): Promise<void> {
    await run(this.#in(pid, [], ["ip", "-batch", "-"]), { input: `${lines.join("\n")}\n`, env: path });
  }

  #in(pid: number, more: readonly string[], argv: readonly string[]): readonly string[] {
    const user = isRoot ? [] : ["--user", "--preserve-credentials"];
    return ["nsenter", ...user, "--net", ...more, "--target", String(pid), "--", ...argv];
  }

  /** A process that only holds a namespace; its pid once it sleeps. */
  async #hold(argv: readonly string[]): Promise<number> {
    const { pid } = this.#spawn(argv, "ignore");
    if (pid === undefined) throw new Error(`${argv[0]} did not start`);
    const ready = await poll(
      async () => {
        const cmdline = await readFile(`/proc/${pid}/cmdline`, "utf8");
        return cmdline.startsWith("sleep\0") ? pid : undefined;
      },
      { timeoutMs: 10_000 },
    );
    if (ready === undefined) throw new Error(`no namespace from ${argv.join(" ")}`);
    return ready;
  }

  #spawn(argv: readonly string[], output: "pipe" | "ignore"): ChildProcess {
    const [program = "", ...args] = argv;
    const child = spawn(program, args, { stdio: ["ignore", output, "inherit"], env: { ...process.env, ...path } });
    this.#children.push(child);
    return child;
  }
}

const path = { PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` };

function newHost(): readonly string[] {
  return ["unshare", ...(isRoot ? [] : ["--user", "--map-root-user"]), "--net", "--mount", "--"];
}
