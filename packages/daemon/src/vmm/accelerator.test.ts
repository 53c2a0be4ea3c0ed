import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BangerError } from "@banger/api";
import { chooseDriver, type Availability, type BootVerdict, type DriverFacts } from "./accelerator.ts";

const here: Availability = { version: "1.0.0" };
const missing: Availability = { error: new BangerError("vmm.missing", "it is not installed") };
const works: BootVerdict = { works: true, agentAfterMs: 400 };
const fails: BootVerdict = { works: false, reason: "a test boot did not finish in 5 s" };
const untested: BootVerdict = { works: false, isUntested: true, reason: "it is not tested yet" };
const facts = (change: Partial<DriverFacts>): DriverFacts => ({
  firecracker: here,
  qemu: here,
  kvm: { firecracker: works, qemu: works },
  ...change,
});

describe("the choice of a driver", () => {
  it("is Firecracker where it is found and KVM works", () => {
    assert.deepEqual(chooseDriver(facts({}), null), { driver: "firecracker", accelerator: "kvm" });
  });

  it("is QEMU with KVM without Firecracker, or where only QEMU boots", () => {
    assert.deepEqual(chooseDriver(facts({ firecracker: missing }), null), { driver: "qemu", accelerator: "kvm" });
    assert.deepEqual(chooseDriver(facts({ kvm: { firecracker: fails, qemu: works } }), null), { driver: "qemu", accelerator: "kvm" });
  });

  it("is emulation, with the reason, where KVM does not work", () => {
    const choice = chooseDriver(facts({ kvm: { firecracker: fails, qemu: fails } }), null);
    assert.deepEqual(choice, { driver: "qemu", accelerator: "tcg", slowBecause: "a test boot did not finish in 5 s" });
    const obstacle: BootVerdict = { works: false, reason: "closed", fix: "open it" };
    assert.equal(chooseDriver(facts({ kvm: { firecracker: obstacle, qemu: obstacle } }), null).fix, "open it");
  });

  it("keeps to what was asked for, or refuses", () => {
    assert.deepEqual(chooseDriver(facts({}), "qemu"), { driver: "qemu", accelerator: "kvm" });
    assert.throws(() => chooseDriver(facts({ kvm: { firecracker: fails, qemu: works } }), "firecracker"), {
      code: "vmm.unsupported",
      message: /did not finish/,
    });
    assert.throws(() => chooseDriver(facts({ firecracker: missing }), "firecracker"), { code: "vmm.missing" });
    assert.throws(() => chooseDriver(facts({ qemu: missing }), "qemu"), { code: "vmm.missing" });
  });

  it("is provisional before there is anything to boot: Firecracker where it is wanted or alone, else what is sure to work", () => {
    const kvm = { firecracker: untested, qemu: untested };
    assert.deepEqual(chooseDriver(facts({ kvm }), "firecracker"), { driver: "firecracker", accelerator: "kvm" });
    assert.deepEqual(chooseDriver(facts({ kvm, qemu: missing }), null), { driver: "firecracker", accelerator: "kvm" });
    assert.equal(chooseDriver(facts({ kvm }), null).accelerator, "tcg");
    assert.throws(() => chooseDriver(facts({ kvm, qemu: missing }), "qemu"), { code: "vmm.missing" });
    assert.throws(() => chooseDriver(facts({ kvm: { firecracker: fails, qemu: fails }, qemu: missing }), null), { code: "vmm.missing" });
  });

  it("is an error where nothing can run a VM", () => {
    assert.throws(() => chooseDriver(facts({ firecracker: missing, qemu: missing }), null), { code: "vmm.missing" });
  });
});
