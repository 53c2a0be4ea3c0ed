// Which test boots are made, with whose patience, and how often.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { BangerError, type DriverName, type Image } from "@banger/api";
import type { ReadyImage } from "../images/contract.ts";
import type { BootOutcome, ProbeSpec } from "./boot-probe.ts";
import type { VmmDriver } from "./contract.ts";
import { VmmSelection } from "./selection.ts";

const never = new AbortController().signal;
const up: BootOutcome = { kind: "up", agentAfterMs: 400 };
const tiny = { name: "tiny", digest: "sha256:1" };
const readyTiny = { ...tiny, kernelRelease: "6.1.0", boot: { bzImage: "", vmlinux: "", initramfs: "" } };

interface HostWorld {
  installed: readonly DriverName[];
  hasImage: boolean;
  /** Another image that is here and damaged. */
  hasDamaged: boolean;
  isClosed: boolean;
  outcome: (spec: ProbeSpec) => BootOutcome;
}

/** A selection on a host in the test's hands, and the test boots it made: driver, accelerator, deadline. */
async function hostWith(context: TestContext, change: Partial<HostWorld>) {
  const cacheDir = await mkdtemp(join(tmpdir(), "banger-selection-"));
  context.after(() => rm(cacheDir, { recursive: true, force: true }));
  const world: HostWorld = {
    installed: ["qemu", "firecracker"],
    hasImage: true,
    hasDamaged: false,
    isClosed: false,
    outcome: () => up,
    ...change,
  };
  const driver = (name: DriverName) =>
    ({
      name,
      features: { maxVcpu: name === "firecracker" ? 32 : 255 } as VmmDriver["features"],
      version: async () => {
        if (world.installed.includes(name)) return "1.0";
        throw new BangerError("vmm.missing", `${name} is not installed`);
      },
    }) as Partial<VmmDriver> as VmmDriver;
  const boots: string[] = [];
  const selection = new VmmSelection({
    drivers: { qemu: driver("qemu"), firecracker: driver("firecracker") },
    ...{ uid: 1000, cacheDir, log: () => {} },
    kvmObstacle: async () => (world.isClosed ? { reason: "closed", fix: "open it" } : undefined),
    probe: async (spec) => {
      boots.push(`${spec.driver.name} ${spec.accelerator} ${spec.deadlineMs}`);
      return world.outcome(spec);
    },
    config: async () => ({ defaultImageName: "damaged" }),
    images: {
      list: async () => [...(world.hasDamaged ? [{ ...tiny, name: "damaged" } as Image] : []), ...(world.hasImage ? [tiny as Image] : [])],
      find: async (name) => {
        if (name === "damaged") throw new BangerError("image.corrupt", "image damaged is damaged");
        return world.hasImage ? (readyTiny as Partial<ReadyImage> as ReadyImage) : undefined;
      },
    },
  });
  return { world, selection, boots };
}

const any = { driver: null, vcpu: 1 } as const;
const firecracker = { driver: "firecracker", vcpu: 1 } as const;
const onlyQemu = { installed: ["qemu"] } as const;
const kvmFails = (outcome: BootOutcome) => ({ outcome: ({ accelerator }: ProbeSpec) => (accelerator === "kvm" ? outcome : up) });

test("a test boot is made once, and shared", async (context) => {
  const { selection, boots } = await hostWith(context, {});
  const choices = await Promise.all([selection.choose(any, never), selection.choose(any, never)]);
  assert.deepEqual(choices, [await selection.choose(any, never), { driver: "firecracker", accelerator: "kvm" }]);
  assert.deepEqual(boots, ["firecracker kvm 60000"]);
});

test("what kept the VMM from starting is not KVM's fault: it is tried again as soon as it is mended", async (context) => {
  const { world, selection } = await hostWith(context, { ...onlyQemu, ...kvmFails({ kind: "not_started", reason: "no bwrap" }) });
  assert.deepEqual(await selection.choose(any, never), {
    ...{ driver: "qemu", accelerator: "tcg", slowBecause: "a test boot failed: no bwrap" },
  });
  world.outcome = () => up;
  assert.deepEqual(await selection.choose(any, never), { driver: "qemu", accelerator: "kvm" });
});

test("a boot that was outrun is made again for the doctor alone, and by no other VMM", async (context) => {
  const { world, selection, boots } = await hostWith(context, kvmFails({ kind: "outrun", byMs: 2500 }));
  const reason = "a test boot took longer than an emulated one (2.5 s)";
  for (let asked = 0; asked < 2; asked += 1)
    assert.deepEqual(await selection.choose(any, never), { driver: "qemu", accelerator: "tcg", slowBecause: reason });
  assert.deepEqual(boots, ["firecracker kvm 60000"]);
  assert.deepEqual(await selection.report(never), { accelerator: "tcg", reason, agentAfterMs: 400 });
  assert.deepEqual(boots.slice(1), ["firecracker kvm 60000", "qemu tcg 60000"]);
  world.outcome = () => up;
  assert.equal((await selection.report(never)).accelerator, "kvm");
  assert.equal((await selection.choose(any, never)).accelerator, "kvm");
});

test("who insists on KVM has no emulation to compare it with, and waits", async (context) => {
  const { world, selection, boots } = await hostWith(context, kvmFails({ kind: "outrun", byMs: 2500 }));
  await selection.choose(any, never);
  world.outcome = () => ({ kind: "up", agentAfterMs: 9000 });
  assert.deepEqual(await selection.choose(firecracker, never), { driver: "firecracker", accelerator: "kvm" });
  assert.deepEqual(boots, ["firecracker kvm 60000", "firecracker kvm 30000"]);
});

test("who asks is told of a test boot that is made, and of none that is remembered", async (context) => {
  const { selection } = await hostWith(context, {});
  let told = 0;
  const tell = <T>(test: () => Promise<T>) => {
    told += 1;
    return test();
  };
  await selection.choose(any, never, tell);
  await selection.choose(any, never, tell);
  assert.equal(told, 1);
});

const firecrackerUnderKvm = { driver: "firecracker", accelerator: "kvm" };

test("before the first image a wanted Firecracker is taken on trust, and tried once there is one to boot", async (context) => {
  const { world, selection, boots } = await hostWith(context, { ...kvmFails({ kind: "down", reason: "it crawls" }), hasImage: false });
  assert.deepEqual(await selection.choose(firecracker, never), firecrackerUnderKvm);
  world.isClosed = true;
  await assert.rejects(selection.choose(firecracker, never), { code: "vmm.unsupported", hint: "open it" });
  world.isClosed = false;
  world.hasImage = true;
  await assert.rejects(selection.choose(firecracker, never), { code: "vmm.unsupported", message: /it crawls/ });
  assert.deepEqual(boots, ["firecracker kvm 30000"]);
});

test("a host with Firecracker alone has a driver before the first image; the doctor tells that it is not tested", async (context) => {
  const { selection } = await hostWith(context, { installed: ["firecracker"], hasImage: false });
  assert.deepEqual(await selection.choose(any, never), firecrackerUnderKvm);
  assert.deepEqual(await selection.report(never), {
    ...{ accelerator: "kvm", reason: "it is not tested yet: no image is here to boot", agentAfterMs: null },
  });
});

test("a damaged image hinders no choice: another is booted, or none", async (context) => {
  const { world, selection, boots } = await hostWith(context, { ...onlyQemu, hasDamaged: true });
  assert.equal((await selection.choose(any, never)).accelerator, "kvm");
  assert.deepEqual(boots, ["qemu kvm 60000"]);
  world.hasImage = false;
  assert.match((await selection.choose(any, never)).slowBecause ?? "", /no image is here to boot/);
});

test("a VM with more CPUs than Firecracker gives is QEMU's, or refused where Firecracker is wanted", async (context) => {
  const { selection, boots } = await hostWith(context, {});
  assert.deepEqual(await selection.choose({ driver: null, vcpu: 32 }, never), firecrackerUnderKvm);
  assert.deepEqual(await selection.choose({ driver: null, vcpu: 33 }, never), { driver: "qemu", accelerator: "kvm" });
  const boot = boots.length;
  await assert.rejects(selection.choose({ driver: "firecracker", vcpu: 40 }, never), {
    ...{ code: "vmm.unsupported", message: "Firecracker gives a VM at most 32 CPUs, not 40", hint: "--vcpu 32, or --driver qemu" },
  });
  assert.equal(boots.length, boot);
});
