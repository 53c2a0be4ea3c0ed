import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { test } from "node:test";
import { hasDefaultRoute, localAddresses, realHostView } from "./host-view.ts";

const trie = `Main:
  +-- 0.0.0.0/0 3 0 4
     |-- 0.0.0.0
        /0 universe UNICAST
     |-- 192.0.2.0
        /24 link UNICAST
Local:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 127.0.0.0/8 2 0 2
        |-- 127.0.0.0
           /8 host LOCAL
        |-- 127.0.0.1
           /32 host LOCAL
     |-- 192.0.2.2
        /32 host LOCAL
     |-- 192.0.2.255
        /32 link BROADCAST
     |-- 10.8.0.0
        /16 host LOCAL
`;

test("the host's own addresses are the local entries, loopback left out", () => {
  assert.deepEqual(localAddresses(trie), ["10.8.0.0/16", "192.0.2.2"]);
});

test("every address of a running interface of this host is among them", async () => {
  const expected = Object.values(networkInterfaces())
    .flatMap((entries) => entries ?? [])
    .filter(({ family, internal }) => family === "IPv4" && !internal);
  const found = new Set(await realHostView().addresses());
  for (const { address } of expected) assert.ok(found.has(address), address);
});

test("a default route is one to everywhere, by the device asked for", () => {
  const table = [
    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT",
    "uplink0\t00000000\t0202FEA9\t0003\t0\t0\t0\t00000000\t0\t0\t0",
    "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0",
  ].join("\n");
  assert.equal(hasDefaultRoute(table), true);
  assert.equal(hasDefaultRoute(table, "uplink0"), true);
  assert.equal(hasDefaultRoute(table, "eth0"), false);
  assert.equal(hasDefaultRoute(""), false);
});
