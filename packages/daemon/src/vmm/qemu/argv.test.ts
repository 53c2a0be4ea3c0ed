import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { planQemu } from "./argv.ts";

const spec = {
  ...{ vmId: "0123456789abcdef", vcpu: 2, memoryMib: 512, kernelArguments: ["banger.extra=1"], accelerator: "tcg" as const },
  disks: [
    { id: "base", path: "/images/a b,c", readOnly: true },
    { id: "data", path: "/vms/1/data.ext4", readOnly: false },
  ],
  nic: { tap: "bgr0123456789ab", mac: "02:fc:ac:10:00:05" },
} as const;

const QEMU = { path: "/usr/bin/qemu-system-x86_64", version: "7.2.22" } as const;

const text = (change: object = {}) => planQemu(QEMU, { ...spec, ...change }).join(" ");

describe("QEMU's command line", () => {
  it("names no path of the host", () => {
    assert.doesNotMatch(text(), /\/images|\/vms/);
  });

  it("gives the disks in order, with the id as serial, and only the data disk for writing", () => {
    const line = text();
    assert.ok(line.indexOf("serial=base") < line.indexOf("serial=data"));
    assert.match(line, /node-name=base,read-only=on,file\.driver=file,file\.filename=\/disks\/base /);
    assert.match(line, /node-name=data,discard=unmap,file\.driver=file,file\.filename=\/disks\/data /);
  });

  it("stops the guest where the host's disk is full, rather than tell it of an error", () => {
    assert.match(text(), /virtio-blk-pci,drive=data,serial=data,werror=enospc( |$)/);
    assert.match(text(), /virtio-blk-pci,drive=base,serial=base( |$)/);
  });

  it("has a nic on the tap without a script or a ROM, or none at all", () => {
    assert.match(text(), /tap,id=net,ifname=bgr0123456789ab,script=no,downscript=no/);
    assert.match(text(), /virtio-net-pci,netdev=net,mac=02:fc:ac:10:00:05,romfile=( |$)/);
    assert.doesNotMatch(text({ nic: null }), /netdev|virtio-net/);
  });

  it("tells an emulated kernel how fast the host's counter runs, where that is known", () => {
    const kernelLine = (accelerator: "tcg" | "kvm", tscKhz?: number) => planQemu({ ...QEMU, tscKhz }, { ...spec, accelerator }).join(" ");
    assert.match(kernelLine("tcg", 2_445_426), / tsc_early_khz=2445426 /);
    assert.doesNotMatch(kernelLine("tcg"), /tsc_early_khz/);
    assert.doesNotMatch(kernelLine("kvm", 2_445_426), /tsc_early_khz/);
  });

  it("emulates a q35 on any host, and uses the host's CPU with KVM", () => {
    assert.match(text(), /-accel tcg,\S+ -cpu max\S* -M q35/);
    assert.match(text({ accelerator: "kvm" }), /-accel kvm -cpu host -M q35/);
  });

  it("lets the guest's kernel tell of what goes wrong, and of nothing else", () => {
    assert.match(text(), / quiet loglevel=5 /);
  });

  it("drops the guest's own protections only where nothing needs them", () => {
    assert.match(text(), /mitigations=off norandmaps/);
    assert.doesNotMatch(text({ accelerator: "kvm" }), /mitigations=off|norandmaps|tsc=reliable/);
    assert.match(text(), /banger\.channel=serial banger\.extra=1/);
  });

  it("sandboxes itself and never resets in place", () => {
    assert.match(text(), /-no-reboot/);
    assert.match(text(), /-sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny/);
  });
});
