// What the guests' network depends on of the host it runs on, read afresh on every call: a laptop changes networks.
import { Resolver } from "node:dns/promises";
import { readFile } from "node:fs/promises";
import type { ResolverView } from "./dns-plan.ts";

export interface HostView {
  resolvers(): Promise<ResolverView>;
  /** Whether a DNS server at this address says anything at all, soon. */
  answers(server: string): Promise<boolean>;
  /** What the host takes for its own: IPv4 addresses, and prefixes where it has such, 127.0.0.0/8 left out. */
  addresses(): Promise<readonly string[]>;
  /** Whether the host has a way out (an IPv4 default route) at this moment. */
  hasDefaultRoute(): Promise<boolean>;
}

export function realHostView(): HostView {
  return {
    resolvers: async () => ({
      resolvConf: await readOrEmpty("/etc/resolv.conf"),
      upstreamConf: await readOrEmpty("/run/systemd/resolve/resolv.conf"),
    }),
    answers,
    // The kernel's own list: a list of interfaces leaves out those without a carrier, such as an idle docker0, whose
    // addresses are the host's all the same.
    addresses: async () => localAddresses(await readFile("/proc/self/net/fib_trie", "utf8")),
    hasDefaultRoute: async () => hasDefaultRoute(await readOrEmpty("/proc/self/net/route")),
  };
}

/** Whether a /proc/PID/net/route has a default route, by way of `device` where one is given. */
export function hasDefaultRoute(table: string, device?: string): boolean {
  return table.split("\n").some((line) => {
    const [name, destination, , , , , , mask] = line.split("\t");
    return destination === "00000000" && mask === "00000000" && (device === undefined || name === device);
  });
}

/** The local entries of a /proc/PID/net/fib_trie: a leaf `|-- ADDRESS`, below it lines `/PREFIX SCOPE TYPE`. */
export function localAddresses(trie: string): readonly string[] {
  const found = new Set<string>();
  let leaf = "";
  for (const line of trie.split("\n")) {
    leaf = /^\s*\|-- (\S+)/.exec(line)?.[1] ?? leaf;
    const prefix = /^\s*\/(\d+) host LOCAL/.exec(line)?.[1];
    if (prefix !== undefined && !leaf.startsWith("127.")) found.add(prefix === "32" ? leaf : `${leaf}/${prefix}`);
  }
  return [...found].toSorted();
}

async function answers(server: string): Promise<boolean> {
  const resolver = new Resolver({ timeout: 1500, tries: 1 });
  resolver.setServers([server]);
  try {
    await resolver.resolveNs(".");
    return true;
  } catch (error) {
    // Any word from the server shows that it lives; these are c-ares' ways of saying that none came.
    return !["ETIMEOUT", "ECONNREFUSED", "ECANCELLED", "ESERVFAIL"].includes((error as NodeJS.ErrnoException).code ?? "");
  }
}

async function readOrEmpty(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "EACCES" || code === "ENOTDIR") return "";
    throw error;
  }
}
