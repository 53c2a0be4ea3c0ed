import assert from "node:assert/strict";
import { test } from "node:test";
import { guestConfiguration, machineIdOf, type GuestConfigurationInput } from "./configuration.ts";

const input: GuestConfigurationInput = {
  vm: { id: "0123456789abcdef", name: "sandbox", network: { address: "172.16.0.5", mac: "02:fc:ac:10:00:05" } },
  subnet: { gateway: "172.16.0.1", prefixLength: 24, resolver: "172.16.0.1" },
  disks: [{ id: "base" }, { id: "modules" }, { id: "data" }],
  image: { baseType: "squashfs", env: ["LANG=C.UTF-8"] },
  hostKey: { privateKey: "SECRET", publicKey: "ssh-ed25519 AAAA" },
  authorizedKeys: ["ssh-ed25519 BBBB\n", "ssh-ed25519 BBBB", ""],
  git: null,
  nowUnixMs: 1_700_000_000_000,
};

test("a guest is told what the host has recorded", () => {
  assert.deepEqual(guestConfiguration(input), {
    vmId: "0123456789abcdef",
    hostname: "sandbox",
    machineId: machineIdOf("0123456789abcdef"),
    timeUnixMs: 1_700_000_000_000,
    disks: {
      base: { device: "/dev/vda", type: "squashfs" },
      modules: { device: "/dev/vdb", type: "squashfs" },
      data: { device: "/dev/vdc", type: "ext4" },
    },
    network: { address: "172.16.0.5/24", gateway: "172.16.0.1", mac: "02:fc:ac:10:00:05", resolvers: ["172.16.0.1"], search: "vm" },
    ssh: { hostKey: "SECRET", hostKeyPublic: "ssh-ed25519 AAAA", authorizedKeys: ["ssh-ed25519 BBBB"] },
    git: null,
    env: ["LANG=C.UTF-8"],
    init: "auto",
  });
});

test("devices follow the order of the disks; no network, no modules", () => {
  const bare = guestConfiguration({ ...input, vm: { ...input.vm, network: null }, disks: [{ id: "data" }, { id: "base" }], init: "none" });
  assert.deepEqual(bare.disks, {
    base: { device: "/dev/vdb", type: "squashfs" },
    modules: null,
    data: { device: "/dev/vda", type: "ext4" },
  });
  assert.equal(bare.network, null);
  assert.equal(bare.init, "none");
  assert.throws(() => guestConfiguration({ ...input, disks: [{ id: "base" }] }), /needs a base and a data disk/);
});

test("machine ids are 32 hex digits, constant and different", () => {
  assert.match(machineIdOf("a"), /^[0-9a-f]{32}$/);
  assert.equal(machineIdOf("a"), machineIdOf("a"));
  assert.notEqual(machineIdOf("a"), machineIdOf("b"));
});
