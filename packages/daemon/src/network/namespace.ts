// What is done inside the anchor's namespaces: one program per step, entered with nsenter as the user who owns them.
import { readFile } from "node:fs/promises";
import { asUser, run, type RunAs } from "@banger/host";
import { macOfAddress, type Subnet } from "./contract.ts";
import type { Programs } from "./programs.ts";

export const bridgeName = "br-fc";

/** How to get into a namespace pair: the process that holds it and the identity that owns it. */
export interface NamespaceEntry {
  readonly anchorPid: number;
  readonly programs: Programs;
  readonly runAs: RunAs | null;
}

/**
 * `argv` inside the namespaces. Without `--preserve-credentials` nsenter sets uid and gid 0, which needs a group map that
 * unprivileged namespaces do not have; joining the user namespace gives the capabilities anyway.
 */
export function insideNamespace(entry: NamespaceEntry, argv: readonly string[]): readonly string[] {
  const { nsenter } = entry.programs;
  return asUser([nsenter, "--user", "--net", "--preserve-credentials", "--target", String(entry.anchorPid), "--", ...argv], entry.runAs);
}

/** Makes the bridge with the gateway's address and turns forwarding on. Idempotent. */
export async function setUpBridge(entry: NamespaceEntry, subnet: Subnet, signal: AbortSignal): Promise<void> {
  const devices = await devicesOf(entry.anchorPid);
  await ip(
    entry,
    [
      "link set dev lo up",
      ...(devices.has(bridgeName) ? [] : [`link add name ${bridgeName} type bridge forward_delay 0 stp_state 0`]),
      // A bridge without a MAC of its own takes that of one of its ports, and another when that port goes: every guest would
      // then send to a gateway that is no more.
      `link set dev ${bridgeName} address ${macOfAddress(subnet.gateway)}`,
      `address replace ${subnet.gateway}/${subnet.prefixLength} dev ${bridgeName}`,
      `link set dev ${bridgeName} up`,
    ],
    signal,
  );
  // `tee` and not sysctl, which many hosts lack; /proc/sys/net shows the namespace of who opens it.
  await run(insideNamespace(entry, [entry.programs.tee, "/proc/sys/net/ipv4/ip_forward"]), { input: "1\n", signal });
}

/** Makes a tap on the bridge, cut off from the other ports. Idempotent: a tap that a VMM holds open stays as it is. */
export async function addTap(entry: NamespaceEntry, tap: string, signal: AbortSignal): Promise<void> {
  const devices = await devicesOf(entry.anchorPid);
  await ip(
    entry,
    [
      // Owned by 0 of the namespace, which is the unprivileged user outside: a VMM without capabilities may open it.
      ...(devices.has(tap) ? [] : [`tuntap add dev ${tap} mode tap user 0`]),
      `link set dev ${tap} master ${bridgeName}`,
      `link set dev ${tap} type bridge_slave isolated on`,
      `link set dev ${tap} up`,
    ],
    signal,
  );
}

/** Removes taps that are there; others are no error. */
export async function removeTaps(entry: NamespaceEntry, taps: readonly string[], signal?: AbortSignal): Promise<void> {
  const devices = await devicesOf(entry.anchorPid);
  const present = taps.filter((tap) => devices.has(tap));
  if (present.length > 0)
    await ip(
      entry,
      present.map((tap) => `link delete dev ${tap}`),
      signal,
    );
}

/** Applies an nft document as one transaction. */
export async function applyRules(entry: NamespaceEntry, document: string, signal?: AbortSignal): Promise<void> {
  await run(insideNamespace(entry, [entry.programs.nft, "-f", "-"]), { input: document, ...(signal === undefined ? {} : { signal }) });
}

/** Names of the network devices a process sees. */
export async function devicesOf(pid: number): Promise<ReadonlySet<string>> {
  const table = await readFile(`/proc/${pid}/net/dev`, "utf8");
  return new Set(
    table
      .split("\n")
      .slice(2)
      .flatMap((line) => /^\s*([^\s:]+):/.exec(line)?.[1] ?? []),
  );
}

async function ip(entry: NamespaceEntry, lines: readonly string[], signal?: AbortSignal): Promise<void> {
  const argv = insideNamespace(entry, [entry.programs.ip, "-batch", "-"]);
  await run(argv, { input: `${lines.join("\n")}\n`, ...(signal === undefined ? {} : { signal }) });
}
