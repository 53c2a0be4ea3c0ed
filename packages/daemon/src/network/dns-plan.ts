// Where the guests' DNS queries go: decided from the host's resolver configuration. Pure.
import { isIPv4 } from "node:net";
import type { Subnet } from "./contract.ts";
import { isInSubnet } from "./addresses.ts";

/** Address inside the namespace that pasta hands on to the host's own resolver. */
export const dnsForwardAddress = "169.254.1.1";

/** - `direct`: queries go to `server` itself, as any other traffic does.
 *  - `stub`: the resolver listens where no packet from the namespace may go (the host's loopback), so pasta takes the queries;
 *     `upstream` is a server the host's stub asks itself, for the pasta versions that hand on UDP alone. */
export type DnsPlan =
  | { readonly kind: "direct"; readonly server: string }
  | { readonly kind: "stub"; readonly server: string; readonly upstream: string | null }
  | { readonly kind: "none" };

export interface ResolverView {
  /** Text of the host's /etc/resolv.conf; empty when there is none. */
  readonly resolvConf: string;
  /** Text of systemd-resolved's list of real servers; empty when there is none. */
  readonly upstreamConf: string;
}

/** The IPv4 servers of a resolv.conf(5), in order. */
export function nameservers(text: string): readonly string[] {
  return text
    .split("\n")
    .map((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1] ?? "")
    .filter((server) => isIPv4(server) && server !== "0.0.0.0");
}

/** Servers worth asking whether they answer: only where there is a choice. */
export function candidates(view: ResolverView, subnet: Subnet): readonly string[] {
  const servers = nameservers(view.resolvConf);
  const [first] = servers;
  if (first !== undefined && isHidden(first, subnet)) return [];
  const open = servers.filter((server) => !isHidden(server, subnet));
  return open.length > 1 ? open : [];
}

/**
 * `answering` are the candidates known to answer. The host's own order counts, but a first server that is dead is passed over
 * for one that lives: programs on the host fall back, and a guest has only one resolver to ask.
 */
export function planDns(view: ResolverView, subnet: Subnet, answering: ReadonlySet<string>): DnsPlan {
  const servers = nameservers(view.resolvConf);
  const open = servers.filter((server) => !isHidden(server, subnet));
  const upstream = nameservers(view.upstreamConf).find((server) => !isHidden(server, subnet));
  const [first] = servers;
  if (first !== undefined && isHidden(first, subnet)) return { kind: "stub", server: first, upstream: open[0] ?? upstream ?? null };
  const direct = open.find((server) => answering.has(server)) ?? open[0] ?? upstream;
  return direct === undefined ? { kind: "none" } : { kind: "direct", server: direct };
}

/** The targets of the rules that catch queries to the gateway. */
export function dnsTargets(plan: DnsPlan, forwardsTcp: boolean): { readonly udp: string; readonly tcp: string } | null {
  switch (plan.kind) {
    case "none":
      return null;
    case "direct":
      return { udp: plan.server, tcp: plan.server };
    case "stub":
      return { udp: dnsForwardAddress, tcp: forwardsTcp ? dnsForwardAddress : (plan.upstream ?? dnsForwardAddress) };
  }
}

// Loopback is the host's alone; an address inside the guests' subnet would be looked for among the guests.
function isHidden(server: string, subnet: Subnet): boolean {
  return server.startsWith("127.") || isInSubnet(server, subnet);
}
