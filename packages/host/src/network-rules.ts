// The firewall of the guests' bridge, as data turned into one nft document that is applied in one transaction: there is no
// moment with half of the rules. User mode applies it inside the anchor's namespace, system mode on the host itself, so every
// chain minds only the bridge and the uplink named here. See nft(8).
import { isIPv4 } from "node:net";

export interface GuestPort {
  /** The bridge port this guest's frames come from. */
  readonly tap: string;
  /** The one IPv4 address the guest may send from. */
  readonly address: string;
  /** The one MAC the guest may send from, lower case with colons. */
  readonly mac: string;
  readonly egress: "full" | "none";
}

export interface NetworkRules {
  readonly bridge: string;
  /** Subnet of the guests, such as `172.16.0.0/24`. */
  readonly cidr: string;
  readonly gateway: string;
  /** The one interface guests leave by; null lets routing choose. */
  readonly uplink: string | null;
  readonly masquerade: boolean;
  /** Where queries to port 53 of the gateway go, by protocol; null when there is no resolver. */
  readonly dns: { readonly udp: string; readonly tcp: string } | null;
  /** IPv4 addresses of the host (or prefixes, where it has a whole one), none of which a guest may reach. */
  readonly hostAddresses: readonly string[];
  readonly ports: readonly GuestPort[];
}

/** Name of the two tables, families inet and bridge. */
export const nftTable = "banger";

/** How the names of all guests' taps begin; a tap that no rule knows may send nothing. */
export const tapPrefix = "fc-";

// Loopback, this network, link-local (a cloud's metadata service lives there), multicast and reserved.
const neverReachable = ["0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3"];

/**
 * The nft document that replaces whatever rules were there by `rules`. Throws on a value that is not of its kind: everything
 * here ends up in a program run with privilege over the network.
 */
export function renderNetworkRules(rules: NetworkRules): string {
  validate(rules);
  return [...removal(), ...bridgeTable(rules), ...inetTable(rules), ""].join("\n");
}

/** The nft document that removes the tables, also where they are not. */
export function renderRulesRemoval(): string {
  return [...removal(), ""].join("\n");
}

function removal(): readonly string[] {
  // Declaring a table first makes its deletion legal when it was not there.
  return ["bridge", "inet"].flatMap((family) => [`table ${family} ${nftTable}`, `delete table ${family} ${nftTable}`]);
}

// What a guest may put on the wire: IPv4 and ARP, from its own port with its own MAC and address. Anything else (IPv6, VLAN
// tags, DHCP, another's identity) is dropped before the bridge learns from it.
function bridgeTable(rules: NetworkRules): readonly string[] {
  const senders = rules.ports.map((port) => `"${port.tap}" . ${port.mac} . ${port.address}`);
  return [
    `table bridge ${nftTable} {`,
    ...set("senders", "ifname . ether_addr . ipv4_addr", senders),
    "  chain prerouting {",
    "    type filter hook prerouting priority -300; policy accept;",
    // By name and not by bridge (meta ibrname), which not every kernel offers.
    `    iifname "${tapPrefix}*" jump from_guest`,
    "  }",
    "  chain from_guest {",
    "    ether type ip iifname . ether saddr . ip saddr @senders accept",
    "    ether type arp iifname . ether saddr . arp saddr ip @senders jump arp_from_guest",
    "    drop",
    "  }",
    "  chain arp_from_guest {",
    "    iifname . arp saddr ether . arp saddr ip @senders accept",
    "    drop",
    "  }",
    "}",
  ];
}

function inetTable(rules: NetworkRules): readonly string[] {
  const outbound = rules.ports.filter((port) => port.egress === "full").map((port) => port.address);
  return [
    `table inet ${nftTable} {`,
    ...set("outbound", "ipv4_addr", outbound),
    ...set("host_addresses", "ipv4_addr; flags interval; auto-merge", rules.hostAddresses),
    ...prerouting(rules),
    ...input(rules),
    ...forward(rules),
    ...postrouting(rules),
    "}",
  ];
}

// A guest without egress gets no resolver either: names asked for are a way out.
function prerouting(rules: NetworkRules): readonly string[] {
  const { dns } = rules;
  if (dns === null) return [];
  const query = `iifname "${rules.bridge}" ip saddr @outbound ip daddr ${rules.gateway}`;
  return [
    "  chain prerouting {",
    "    type nat hook prerouting priority dstnat; policy accept;",
    `    ${query} udp dport 53 dnat ip to ${dns.udp}`,
    `    ${query} tcp dport 53 dnat ip to ${dns.tcp}`,
    "  }",
  ];
}

function input(rules: NetworkRules): readonly string[] {
  const ours = rules.uplink === null ? `"${rules.bridge}"` : `{ "${rules.bridge}", "${rules.uplink}" }`;
  return [
    "  chain input {",
    "    type filter hook input priority filter; policy accept;",
    // First: pasta sends some TCP segments without flags. They match no connection, so they come here instead of being
    // forwarded, and the reset the kernel would answer with ends the guest's transfer.
    `    iifname ${ours} ct state invalid drop`,
    `    iifname ${ours} ct state established,related accept`,
    `    iifname "${rules.bridge}" ip daddr ${rules.gateway} icmp type echo-request accept`,
    `    iifname "${rules.bridge}" meta l4proto tcp reject with tcp reset`,
    `    iifname "${rules.bridge}" reject`,
    ...(rules.uplink === null ? [] : [`    iifname "${rules.uplink}" drop`]),
    "  }",
  ];
}

function forward(rules: NetworkRules): readonly string[] {
  const refuse = "reject with icmp type admin-prohibited";
  return [
    "  chain forward {",
    "    type filter hook forward priority filter; policy accept;",
    `    iifname "${rules.bridge}" jump from_guest`,
    `    oifname "${rules.bridge}" ct state established,related accept`,
    `    oifname "${rules.bridge}" drop`,
    "  }",
    "  chain from_guest {",
    // The bridge keeps its ports apart; this is for a guest that has its neighbour's packets routed by the gateway.
    `    oifname "${rules.bridge}" drop`,
    "    meta nfproto != ipv4 drop",
    "    ct state invalid drop",
    `    ip saddr != @outbound ${refuse}`,
    ...(rules.dns === null
      ? []
      : [`    ct status dnat ct original ip daddr ${rules.gateway} meta l4proto { tcp, udp } th dport 53 accept`]),
    `    ip daddr @host_addresses ${refuse}`,
    `    ip daddr { ${neverReachable.join(", ")} } ${refuse}`,
    ...(rules.uplink === null ? [] : [`    oifname != "${rules.uplink}" ${refuse}`]),
    "    accept",
    "  }",
  ];
}

function postrouting(rules: NetworkRules): readonly string[] {
  if (!rules.masquerade) return [];
  return [
    "  chain postrouting {",
    "    type nat hook postrouting priority srcnat; policy accept;",
    `    ip saddr ${rules.cidr} oifname != "${rules.bridge}" masquerade`,
    "  }",
  ];
}

function set(name: string, type: string, elements: readonly string[]): readonly string[] {
  const unique = [...new Set(elements)].toSorted();
  const body = unique.length === 0 ? [] : [`    elements = { ${unique.join(", ")} }`];
  return [`  set ${name} {`, `    type ${type}`, ...body, "  }"];
}

function validate(rules: NetworkRules): void {
  const names = [rules.bridge, ...(rules.uplink === null ? [] : [rules.uplink])];
  const taps = rules.ports.map((port) => port.tap);
  const addresses = [
    rules.gateway,
    ...(rules.dns === null ? [] : [rules.dns.udp, rules.dns.tcp]),
    ...rules.ports.map((port) => port.address),
  ];
  requireAll("interface name", names, (name) => /^[a-z][a-z0-9._-]{0,14}$/.test(name));
  requireAll("tap name", taps, (name) => name.startsWith(tapPrefix) && /^[a-z0-9-]{4,15}$/.test(name));
  requireAll("IPv4 address", addresses, isIPv4);
  requireAll("address of the host", rules.hostAddresses, (address) => isIPv4(address) || isSubnet(address));
  requireAll("subnet", [rules.cidr], isSubnet);
  requireAll(
    "MAC",
    rules.ports.map((port) => port.mac),
    (mac) => /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(mac),
  );
  for (const [what, values] of [
    ["tap", taps],
    ["address", rules.ports.map((port) => port.address)],
    ["MAC", rules.ports.map((port) => port.mac)],
  ] as const) {
    if (new Set(values).size !== values.length) throw new Error(`two guests share one ${what}`);
  }
}

function requireAll(kind: string, values: readonly string[], isValid: (value: string) => boolean): void {
  const bad = values.find((value) => !isValid(value));
  if (bad !== undefined) throw new Error(`${JSON.stringify(bad)} is not a valid ${kind} for a firewall rule`);
}

function isSubnet(cidr: string): boolean {
  const [address = "", prefix = "", ...rest] = cidr.split("/");
  return rest.length === 0 && isIPv4(address) && /^([1-9]|[12][0-9]|3[0-2])$/.test(prefix);
}
