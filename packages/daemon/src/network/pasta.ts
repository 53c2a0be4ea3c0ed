// pasta gives the anchor's namespace its way out: it turns the namespace's packets into ordinary sockets of the host's user.
// See passt(1). No port leads in, the host's loopback is not mapped, and IPv6 stays off.
import { readFile } from "node:fs/promises";
import { BangerError } from "@banger/api";
import { asUser, isProcessAlive, poll, run, type ProcessIdentity, type RunAs } from "@banger/host";
import { dnsForwardAddress, type DnsPlan } from "./dns-plan.ts";
import { endProcesses, startDetached } from "./detached.ts";
import { hasDefaultRoute } from "./host-view.ts";
import { insideNamespace } from "./namespace.ts";
import type { Programs } from "./programs.ts";

/** The namespace's interface towards pasta. */
export const uplinkName = "uplink0";

// The uplink has addresses of its own, from the link-local range: taking over the host's (pasta's default) would bring the
// host's network into the namespace, where it may be the very one the guests use.
const uplinkAddress = "169.254.2.1";
const uplinkGateway = "169.254.2.2";

const uplinkQueueLength = "10000";

export interface PastaSpec {
  readonly programs: Programs;
  readonly runAs: RunAs | null;
  readonly anchorPid: number;
  readonly marker: string;
  readonly dns: DnsPlan;
  /** Whether this pasta can be told the resolver, and hands on TCP queries too. */
  readonly hasDnsHost: boolean;
  readonly logFile: string;
  readonly onExit: () => void;
  readonly signal: AbortSignal;
}

export function pastaArguments(spec: Pick<PastaSpec, "programs" | "anchorPid" | "marker" | "dns" | "hasDnsHost">): readonly string[] {
  return [
    spec.programs.pasta,
    ...["--config-net", "--foreground", "--quiet", "--ipv4-only", "--no-map-gw"],
    ...["--tcp-ports", "none", "--udp-ports", "none", "--tcp-ns", "none", "--udp-ns", "none"],
    ...["--ns-ifname", uplinkName, "--address", uplinkAddress, "--netmask", "30", "--gateway", uplinkGateway],
    ...dnsArguments(spec.dns, spec.hasDnsHost),
    // Nobody asks this pasta for a search list, so the option is free to carry the marker.
    ...["--search", spec.marker],
    String(spec.anchorPid),
  ];
}

/** Starts pasta and waits until the namespace has its way out. Throws `network.setup_failed`. */
export async function startPasta(spec: PastaSpec): Promise<ProcessIdentity> {
  const argv = asUser(pastaArguments(spec), spec.runAs);
  const { identity, lastWords } = await startDetached({ argv, logFile: spec.logFile, onExit: spec.onExit });
  try {
    const ready = await poll(
      async () => {
        if (!isProcessAlive(identity))
          throw new BangerError("network.setup_failed", `pasta failed: ${await lastWords()}`, { hint: "banger doctor" });
        return hasDefaultRoute(await readFile(`/proc/${spec.anchorPid}/net/route`, "utf8"), uplinkName) ? true : undefined;
      },
      { timeoutMs: 10_000, intervalMs: 5, signal: spec.signal },
    );
    if (ready === undefined) throw new BangerError("network.setup_failed", `pasta did not get ready within 10 s: ${await lastWords()}`);
    // The kernel drops what does not fit the tap's queue, and pasta, without selective acknowledgements, takes long to get
    // lost segments back: with the usual 1000, uploads from a fast guest lost thousands and some stood still.
    await run(insideNamespace(spec, [spec.programs.ip, "link", "set", "dev", uplinkName, "txqueuelen", uplinkQueueLength]), {
      signal: spec.signal,
    });
    return identity;
  } catch (error) {
    await endProcesses([identity]);
    throw error;
  }
}

function dnsArguments(plan: DnsPlan, hasDnsHost: boolean): readonly string[] {
  // Only where pasta must take the queries: with forwarding on it rewrites the source of every DNS answer, also of those
  // from the real servers. Without --dns-host it takes the first server of /etc/resolv.conf, which is the stub then.
  if (plan.kind !== "stub") return [];
  return ["--dns-forward", dnsForwardAddress, ...(hasDnsHost ? ["--dns-host", plan.server] : [])];
}
