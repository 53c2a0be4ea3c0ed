import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { renderNetworkRules, renderRulesRemoval, type GuestPort, type NetworkRules } from "./network-rules.ts";

const alpha: GuestPort = { tap: "fc-aaaaaaaaaaaa", address: "172.16.0.2", mac: "02:fc:ac:10:00:02", egress: "full" };
const beta: GuestPort = { tap: "fc-bbbbbbbbbbbb", address: "172.16.0.3", mac: "02:fc:ac:10:00:03", egress: "none" };
const rules: NetworkRules = {
  bridge: "br-fc",
  cidr: "172.16.0.0/24",
  gateway: "172.16.0.1",
  uplink: "uplink0",
  masquerade: true,
  dns: { udp: "169.254.1.1", tcp: "192.0.2.53" },
  hostAddresses: ["192.0.2.10", "10.1.0.0/16"],
  ports: [alpha, beta],
};

test("the document, whole", () => {
  assert.equal(
    renderNetworkRules(rules),
    `table bridge banger
delete table bridge banger
table inet banger
delete table inet banger
table bridge banger {
  set senders {
    type ifname . ether_addr . ipv4_addr
    elements = { "fc-aaaaaaaaaaaa" . 02:fc:ac:10:00:02 . 172.16.0.2, "fc-bbbbbbbbbbbb" . 02:fc:ac:10:00:03 . 172.16.0.3 }
  }
  chain prerouting {
    type filter hook prerouting priority -300; policy accept;
    iifname "fc-*" jump from_guest
  }
  chain from_guest {
    ether type ip iifname . ether saddr . ip saddr @senders accept
    ether type arp iifname . ether saddr . arp saddr ip @senders jump arp_from_guest
    drop
  }
  chain arp_from_guest {
    iifname . arp saddr ether . arp saddr ip @senders accept
    drop
  }
}
table inet banger {
  set outbound {
    type ipv4_addr
    elements = { 172.16.0.2 }
  }
  set host_addresses {
    type ipv4_addr; flags interval; auto-merge
    elements = { 10.1.0.0/16, 192.0.2.10 }
  }
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    iifname "br-fc" ip saddr @outbound ip daddr 172.16.0.1 udp dport 53 dnat ip to 169.254.1.1
    iifname "br-fc" ip saddr @outbound ip daddr 172.16.0.1 tcp dport 53 dnat ip to 192.0.2.53
  }
  chain input {
    type filter hook input priority filter; policy accept;
    iifname { "br-fc", "uplink0" } ct state invalid drop
    iifname { "br-fc", "uplink0" } ct state established,related accept
    iifname "br-fc" ip daddr 172.16.0.1 icmp type echo-request accept
    iifname "br-fc" meta l4proto tcp reject with tcp reset
    iifname "br-fc" reject
    iifname "uplink0" drop
  }
  chain forward {
    type filter hook forward priority filter; policy accept;
    iifname "br-fc" jump from_guest
    oifname "br-fc" ct state established,related accept
    oifname "br-fc" drop
  }
  chain from_guest {
    oifname "br-fc" drop
    meta nfproto != ipv4 drop
    ct state invalid drop
    ip saddr != @outbound reject with icmp type admin-prohibited
    ct status dnat ct original ip daddr 172.16.0.1 meta l4proto { tcp, udp } th dport 53 accept
    ip daddr @host_addresses reject with icmp type admin-prohibited
    ip daddr { 0.0.0.0/8, 127.0.0.0/8, 169.254.0.0/16, 224.0.0.0/3 } reject with icmp type admin-prohibited
    oifname != "uplink0" reject with icmp type admin-prohibited
    accept
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr 172.16.0.0/24 oifname != "br-fc" masquerade
  }
}
`,
  );
});

test("removal is a document of its own, and the beginning of every other", () => {
  const removal = renderRulesRemoval();
  assert.match(removal, /delete table bridge banger\ntable inet banger\ndelete table inet banger\n$/);
  assert.ok(renderNetworkRules(rules).startsWith(removal));
});

test("without resolver, uplink, masquerade or guests, nothing of them is left in the document", () => {
  const bare = renderNetworkRules({ ...rules, dns: null, uplink: null, masquerade: false, hostAddresses: [], ports: [] });
  assert.doesNotMatch(bare, /dnat|uplink0|masquerade|elements/);
  assert.match(bare, /iifname "br-fc" ct state invalid drop/);
});

test("a guest without egress is no sender to the outside, nor to the resolver", () => {
  const document = renderNetworkRules({ ...rules, ports: [beta] });
  assert.match(document, /set outbound \{\n    type ipv4_addr\n  \}/);
  assert.equal(document.match(/172\.16\.0\.3/g)?.length, 1);
});

test("the order of the guests does not matter", () => {
  assert.equal(renderNetworkRules({ ...rules, ports: [beta, alpha] }), renderNetworkRules(rules));
});

test("two guests never share a tap, an address or a MAC", () => {
  for (const key of ["tap", "address", "mac"] as const) {
    assert.throws(() => renderNetworkRules({ ...rules, ports: [alpha, { ...beta, [key]: alpha[key] }] }), /two guests share one/);
  }
});

test("every guest is bound to its own triple, whatever the others are", () => {
  const port = fc.integer({ min: 2, max: 254 }).map((host): GuestPort => {
    const hex = host.toString(16).padStart(2, "0");
    return {
      tap: `fc-0000000000${hex}`,
      address: `172.16.0.${host}`,
      mac: `02:fc:ac:10:00:${hex}`,
      egress: host % 2 === 0 ? "full" : "none",
    };
  });
  fc.assert(
    fc.property(fc.uniqueArray(port, { selector: ({ address }) => address, maxLength: 60 }), (ports) => {
      const document = renderNetworkRules({ ...rules, ports });
      for (const { tap, mac, address } of ports) assert.equal(document.split(`"${tap}" . ${mac} . ${address}`).length, 2);
      const outbound = /set outbound \{[^}]*?elements = \{ ([^}]*) \}/.exec(document)?.[1]?.split(", ") ?? [];
      assert.deepEqual(new Set(outbound), new Set(ports.filter(({ egress }) => egress === "full").map(({ address }) => address)));
    }),
  );
});

test("no text gets from a field into the document as anything but what the field is for", () => {
  const hostile = fc.oneof(
    fc.string(),
    fc.constantFrom('x"; flush ruleset; #', "172.16.0.2 accept", "br fc", "fc-a\naccept", "172.16.0.0/24 }"),
  );
  const isHarmless = (text: string) => /^[a-z0-9.:/_-]*$/.test(text);
  fc.assert(
    fc.property(hostile, fc.constantFrom("bridge", "uplink", "cidr", "gateway", "dns", "host", "tap", "address", "mac"), (text, field) => {
      fc.pre(!isHarmless(text));
      assert.throws(() => renderNetworkRules(withField(field, text)), /is not a valid/);
    }),
  );
});

function withField(field: string, text: string): NetworkRules {
  switch (field) {
    case "bridge":
    case "uplink":
    case "cidr":
    case "gateway":
      return { ...rules, [field]: text };
    case "dns":
      return { ...rules, dns: { udp: "192.0.2.1", tcp: text } };
    case "host":
      return { ...rules, hostAddresses: [text] };
    default:
      return { ...rules, ports: [{ ...alpha, [field]: text }] };
  }
}
