import assert from "node:assert/strict";
import { test } from "node:test";
import { BangerError } from "@banger/api";
import fc from "fast-check";
import { allocateAddress, isInSubnet, parseSubnet, tapName } from "./addresses.ts";
import { macOfAddress } from "./contract.ts";

const subnet = parseSubnet("172.16.0.0/24");

test("a subnet's first address is its gateway and resolver", () => {
  assert.deepEqual(parseSubnet("10.9.8.0/24"), { cidr: "10.9.8.0/24", gateway: "10.9.8.1", prefixLength: 24, resolver: "10.9.8.1" });
});

test("what is not a private /24 is refused", () => {
  const refused = [
    "172.16.0.0/16",
    "172.16.0.1/24",
    "172.32.0.0/24",
    "8.8.8.0/24",
    "127.0.0.0/24",
    "10.0.256.0/24",
    "010.0.0.0/24",
    "fd00::/64",
    "",
    "10.0.0.0/24; x",
  ];
  for (const cidr of refused) {
    assert.throws(
      () => parseSubnet(cidr),
      (error) => error instanceof BangerError && error.code === "config.invalid",
      cidr,
    );
  }
});

test("addresses are free, inside, and never the gateway or the broadcast", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 255 }), { maxLength: 252 }), (hosts) => {
      const used = new Set(hosts.map((host) => `172.16.0.${host}`));
      const address = allocateAddress(subnet, used);
      assert.ok(!used.has(address) && isInSubnet(address, subnet));
      assert.ok(!["172.16.0.0", "172.16.0.1", "172.16.0.255"].includes(address));
    }),
  );
});

test("253 VMs fit, the next is told so", () => {
  const used = new Set<string>();
  for (let count = 0; count < 253; count += 1) used.add(allocateAddress(subnet, used));
  assert.equal(used.size, 253);
  assert.throws(
    () => allocateAddress(subnet, used),
    (error) => error instanceof BangerError && error.code === "host.resources",
  );
});

test("MACs and taps are as distinct as the VMs they belong to", () => {
  const used = new Set<string>();
  for (let count = 0; count < 253; count += 1) used.add(allocateAddress(subnet, used));
  assert.equal(new Set([...used].map(macOfAddress)).size, 253);
  assert.equal(macOfAddress("172.16.0.2"), "02:fc:ac:10:00:02");
  assert.equal(tapName("vm1").length, 15);
  assert.match(tapName("vm1"), /^fc-[0-9a-f]{12}$/);
  assert.notEqual(tapName("vm1"), tapName("vm2"));
});
