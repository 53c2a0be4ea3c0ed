// Whether guests can have a network here, found out by trying: programs, /dev/net/tun, and one throw-away namespace in which
// everything is made that a real one needs.
import { open, readFile } from "node:fs/promises";
import { BangerError } from "@banger/api";
import { asUser, renderNetworkRules, run, type RunAs } from "@banger/host";
import type { NetworkAvailability, NetworkUnavailable } from "./contract.ts";
import { installCommand, locatePrograms, readOsRelease, type Programs } from "./programs.ts";

const tunDevice = "/dev/net/tun";

export interface AvailabilityProbe {
  readonly searchPath: string;
  readonly runAs: RunAs | null;
}

export type ProbeResult = { readonly programs: Programs } | NetworkUnavailable;

export async function probeNetwork(probe: AvailabilityProbe): Promise<ProbeResult> {
  const { found, missing } = await locatePrograms(probe.searchPath);
  if (missing.length > 0) {
    const verb = missing.length === 1 ? "is" : "are";
    return unavailable(`${missing.join(", ")} ${verb} not installed`, installCommand(missing, await readOsRelease()));
  }
  const programs = found as Programs;
  return (
    (await refuseRoot(probe.runAs)) ?? (await tryTun(programs, probe.runAs)) ?? (await tryNamespace(programs, probe.runAs)) ?? { programs }
  );
}

export function availabilityOf(result: ProbeResult): NetworkAvailability {
  return "programs" in result ? { available: true } : result;
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
    return unavailable(
      `${tunDevice} may not be opened by ${runAs === null ? "you" : `user ${runAs.uid}`}`,
      `sudo chmod 0666 ${tunDevice} (the usual mode; it lasts until the next boot)`,
    );
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
