import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSubnet } from "./addresses.ts";
import { candidates, dnsTargets, nameservers, planDns } from "./dns-plan.ts";

const subnet = parseSubnet("172.16.0.0/24");
const view = (resolvConf: string, upstreamConf = "") => ({ resolvConf, upstreamConf });
const nobody = new Set<string>();

test("nameservers are the IPv4 ones, comments and scopes left out", () => {
  assert.deepEqual(
    nameservers(
      "# nameserver 9.9.9.9\nsearch lan\nnameserver fe80::1%eth0\nnameserver\t192.168.1.1 \n nameserver 0.0.0.0\nnameserver 1.1.1.1",
    ),
    ["192.168.1.1", "1.1.1.1"],
  );
});

test("an ordinary resolver is asked directly, over UDP and TCP", () => {
  const plan = planDns(view("nameserver 192.168.1.1\n"), subnet, nobody);
  assert.deepEqual(plan, { kind: "direct", server: "192.168.1.1" });
  assert.deepEqual(dnsTargets(plan, false), { udp: "192.168.1.1", tcp: "192.168.1.1" });
});

test("of several resolvers the first that answers is taken, the first of all when none does", () => {
  const both = view("nameserver 192.0.2.1\nnameserver 192.0.2.2\n");
  assert.deepEqual(candidates(both, subnet), ["192.0.2.1", "192.0.2.2"]);
  assert.deepEqual(planDns(both, subnet, new Set(["192.0.2.2"])), { kind: "direct", server: "192.0.2.2" });
  assert.deepEqual(planDns(both, subnet, nobody), { kind: "direct", server: "192.0.2.1" });
});

test("the host's stub is reached through pasta, TCP through its upstream where pasta hands on UDP alone", () => {
  const plan = planDns(view("nameserver 127.0.0.53\noptions edns0", "nameserver 192.168.7.1"), subnet, nobody);
  assert.deepEqual(plan, { kind: "stub", server: "127.0.0.53", upstream: "192.168.7.1" });
  assert.deepEqual(dnsTargets(plan, false), { udp: "169.254.1.1", tcp: "192.168.7.1" });
  assert.deepEqual(dnsTargets(plan, true), { udp: "169.254.1.1", tcp: "169.254.1.1" });
});

test("a resolver inside the guests' own subnet is reached through pasta", () => {
  assert.equal(planDns(view("nameserver 172.16.0.1"), subnet, nobody).kind, "stub");
});

test("without a usable resolver there is none, or systemd-resolved's own", () => {
  assert.deepEqual(planDns(view(""), subnet, nobody), { kind: "none" });
  assert.deepEqual(planDns(view("nameserver ::1"), subnet, nobody), { kind: "none" });
  assert.deepEqual(planDns(view("nameserver ::1", "nameserver 192.168.7.1"), subnet, nobody), { kind: "direct", server: "192.168.7.1" });
  assert.equal(dnsTargets({ kind: "none" }, true), null);
});
