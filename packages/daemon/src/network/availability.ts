// Whether guests can have a network here, found out by trying: programs, /dev/net/tun, and one throw-away namespace in which
// everything is made that a real one needs.
import { open, readFile, stat } from "node:fs/promises";
import { BangerError, installCommand, packagesOf, readOsRelease } from "@banger/api";
import { asUser, renderNetworkRules, run, type RunAs } from "@banger/host";
import type { CheckDepth, NetworkAvailability, NetworkUnavailable } from "./contract.ts";
import { locatePrograms, type Programs } from "./programs.ts";

const tunDevice = "/dev/net/tun";
const usualMode = "0666";

export interface AvailabilityProbe {
  readonly searchPath: string;
  readonly runAs: RunAs | null;
}

export type ProbeResult = { readonly programs: Programs } | NetworkUnavailable;

export async function probeNetwork(probe: AvailabilityProbe): Promise<ProbeResult> {
  const programs = await findPrograms(probe.searchPath);
  if ("available" in programs) return programs;
  return (
    (await refuseRoot(probe.runAs)) ?? (await tryTun(programs, probe.runAs)) ?? (await tryNamespace(programs, probe.runAs)) ?? { programs }
  );
}

/** What has been found out so far. Only what was good is built upon, and no longer than it lasts. */
export class Availability {
  readonly #probe: AvailabilityProbe;
  #programs: Programs | undefined;
  #isTrusted = false;

  constructor(probe: AvailabilityProbe) {
    this.#probe = probe;
  }

  async check(depth: CheckDepth): Promise<NetworkAvailability> {
    const result = depth === "quick" && this.#isTrusted ? await probeAgain(this.#probe) : await probeNetwork(this.#probe);
    this.#isTrusted = "programs" in result;
    if (!("programs" in result)) return result;
    this.#programs = result.programs;
    return { available: true };
  }

  /** The programs as they were last found. Throws `network.setup_failed` when they never were. */
  async programs(): Promise<Programs> {
    const availability = this.#programs === undefined ? await this.check("thorough") : undefined;
    if (availability?.available === false) throw new BangerError("network.setup_failed", availability.message, { hint: availability.hint });
    if (this.#programs === undefined) throw new Error("an available network has its programs");
    return this.#programs;
  }

  /** Something failed that should not have: the next check is a thorough one. */
  doubt(): void {
    this.#isTrusted = false;
  }
}

/** What may be gone although everything was there before. */
async function probeAgain(probe: AvailabilityProbe): Promise<ProbeResult> {
  const programs = await findPrograms(probe.searchPath);
  if ("available" in programs) return programs;
  return (await tryTun(programs, probe.runAs)) ?? { programs };
}

async function findPrograms(searchPath: string): Promise<Programs | NetworkUnavailable> {
  const { found, missing } = await locatePrograms(searchPath);
  if (missing.length === 0) return found as Programs;
  const verb = missing.length === 1 ? "is" : "are";
  return unavailable(`${missing.join(", ")} ${verb} not installed`, installCommand(packagesOf(missing), readOsRelease()));
}

// pasta that finds itself root of the host becomes nobody, and then may not enter the namespace.
async function refuseRoot(runAs: RunAs | null): Promise<NetworkUnavailable | undefined> {
  if (runAs !== null || process.getuid?.() !== 0) return undefined;
  const map = (await readFile("/proc/self/uid_map", "utf8")).trim().split(/\s+/).join(" ");
  if (map !== "0 0 4294967295") return undefined;
  return unavailable("the network of guests is not run as root", "sudo banger system install, or run banger as an ordinary user");
}

async function tryTun(programs: Programs, runAs: RunAs | null): Promise<NetworkUnavailable | undefined> {
  try {
    if (runAs === null) await (await open(tunDevice, "r+")).close();
    else
      await run(asUser([programs.dd, `if=${tunDevice}`, `of=${tunDevice}`, "count=0", "conv=notrunc,nocreat", "status=none"], runAs), {
        timeoutMs: 10_000,
        env: { LC_ALL: "C" },
      });
    return undefined;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const isMissing = /ENOENT|No such file|ENODEV|No such device/.test(reason);
    if (isMissing) return unavailable(`${tunDevice} is missing: guests' network devices need it`, "sudo modprobe tun");
    if (!/EACCES|EPERM|Permission denied|not permitted/.test(reason)) throw error;
    const mode = ((await stat(tunDevice)).mode & 0o777).toString(8).padStart(4, "0");
    if (mode === usualMode)
      return unavailable(`${tunDevice} may not be opened in this container`, `run the container with --device ${tunDevice}`);
    return unavailable(`${tunDevice} is closed to ordinary users, its mode is ${mode}`, `sudo chmod ${usualMode} ${tunDevice}`);
  }
}

async function tryNamespace(programs: Programs, runAs: RunAs | null): Promise<NetworkUnavailable | undefined> {
  const inside = (argv: readonly string[]) => asUser([programs.unshare, "--user", "--map-root-user", "--net", "--", ...argv], runAs);
  try {
    await run(inside([programs.ip, "-batch", "-"]), { input: probeDevices, timeoutMs: 10_000 });
  } catch (error) {
    return unavailable(`no namespace with a bridge and a tap: ${commandWords(error)}`, await userNamespaceHint());
  }
  try {
    await run(inside([programs.nft, "-f", "-"]), { input: probeRules(), timeoutMs: 10_000 });
  } catch (error) {
    return unavailable(
      `the kernel does not take the firewall rules: ${commandWords(error)}`,
      "sudo modprobe -a nf_tables nf_nat nft_chain_nat nft_masq nft_reject_inet nf_conntrack nf_conntrack_bridge",
    );
  }
  return undefined;
}

const probeDevices = [
  "link add name br-fc type bridge",
  "tuntap add dev fc-0 mode tap user 0",
  "link set dev fc-0 master br-fc",
  "link set dev fc-0 type bridge_slave isolated on",
  "",
].join("\n");

function probeRules(): string {
  return renderNetworkRules({
    bridge: "br-fc",
    cidr: "172.16.0.0/24",
    gateway: "172.16.0.1",
    uplink: "uplink0",
    masquerade: true,
    dns: { udp: "169.254.1.1", tcp: "169.254.1.1" },
    hostAddresses: ["192.0.2.1"],
    ports: [{ tap: "fc-0", address: "172.16.0.2", mac: "02:fc:ac:10:00:02", egress: "full" }],
  });
}

/** Which of the ways a host has to forbid user namespaces is in force, as the command that lifts it. */
async function userNamespaceHint(): Promise<string> {
  const settings = [
    ["/proc/sys/kernel/unprivileged_userns_clone", "0", "sudo sysctl -w kernel.unprivileged_userns_clone=1"],
    ["/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1", "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"],
    ["/proc/sys/user/max_user_namespaces", "0", "sudo sysctl -w user.max_user_namespaces=15000"],
    ["/proc/sys/user/max_net_namespaces", "0", "sudo sysctl -w user.max_net_namespaces=15000"],
  ] as const;
  for (const [path, forbidden, hint] of settings) {
    if ((await readSetting(path)) === forbidden) return hint;
  }
  return "sudo modprobe -a bridge tun; in a container, allow user namespaces";
}

async function readSetting(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, "utf8")).trim();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "EACCES") return undefined;
    throw error;
  }
}

function commandWords(error: unknown): string {
  if (error instanceof BangerError && error.code === "host.command_failed") return error.message;
  throw error;
}

function unavailable(message: string, hint: string): NetworkUnavailable {
  return { available: false, message, hint };
}
