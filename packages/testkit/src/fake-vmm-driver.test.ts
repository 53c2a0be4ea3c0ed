import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { isProcessAlive, poll } from "@banger/host";
import { connectGuest } from "../../daemon/src/guest/client.ts";
import { execText } from "../../daemon/src/guest/exec-result.test-support.ts";
import type { GuestClient, GuestConfiguration } from "../../daemon/src/guest/contract.ts";
import type { VmmDriver, VmmProcess, VmmSpec } from "../../daemon/src/vmm/contract.ts";
import { createFakeVmmDriver } from "./fake-vmm-driver.ts";

let root: string;
before(async () => {
  root = await mkdtemp(join(tmpdir(), "banger-fake-vmm-"));
});
after(() => rm(root, { recursive: true, force: true }));

const never = new AbortController().signal;
const specOf = (vmDir: string): VmmSpec => ({
  vmId: vmDir,
  vcpu: 1,
  memoryMib: 64,
  boot: { bzImage: "", vmlinux: "", initramfs: "" },
  kernelArguments: [],
  disks: [],
  nic: null,
  namespace: null,
  accelerator: "tcg",
  vmDir,
});

async function reach(driver: VmmDriver, vmm: VmmProcess, timeoutMs = 10_000): Promise<GuestClient> {
  return connectGuest({ kind: driver.features.channel, open: (signal) => driver.connect(vmm, signal), signal: never, timeoutMs });
}

for (const channel of ["serial", "vsock"] as const) {
  test(`boots, is configured, runs, powers off: ${channel}`, async () => {
    const driver = createFakeVmmDriver({ channel });
    const vmm = await driver.start(specOf(join(root, channel)), never);
    const client = await reach(driver, vmm);
    assert.equal((await client.health()).stage, "waiting");
    await assert.rejects(client.exec({ argv: ["true"], stdin: false }), { code: "guest.not_ready" });
    await client.configure({ hostname: "sandbox" } as GuestConfiguration);
    assert.equal(await execText(await client.exec({ argv: ["echo", "hello"], stdin: false })), "hello\n");
    assert.deepEqual((await client.health()).readiness, ["agent", "basic", "system", "ssh"]);
    await client.shutdown("poweroff", 100);
    await client.closed;
    assert.deepEqual(await driver.wait(vmm, never), { status: 0, signal: null });
    assert.match(await readFile(join(vmm.vmDir, "console.log"), "utf8"), /going down: poweroff/);
    await driver.end(vmm);
  });
}

test("another driver, as after a crash of the daemon, finds it and ends it with its commands", async () => {
  const first = createFakeVmmDriver();
  const vmm = await first.start(specOf(join(root, "found")), never);
  const client = await reach(first, vmm);
  await client.configure({ hostname: "sandbox" } as GuestConfiguration);
  const { bootId } = await client.health();
  const second = createFakeVmmDriver();
  const again = await reach(second, vmm);
  assert.equal((await again.health()).bootId, bootId);
  await client.closed;
  const command = await again.exec({ argv: ["sleep", "1000"], login: false, stdin: false });
  await new Promise((resolve) => command.once("readable", resolve));
  process.kill(vmm.vmm.pid, "SIGKILL");
  await second.wait(vmm, never);
  await again.closed;
  const execs = (await readFile(join(vmm.vmDir, "fake-execs"), "utf8"))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  await second.end(vmm);
  assert.ok(await poll(() => (execs.some((identity) => isProcessAlive(identity)) ? undefined : true), { timeoutMs: 5000 }));
  await second.end(vmm);
});

test("a panic, a VM that never answers, one that does not start", async () => {
  const plans = { panic: { panicAfterMs: 300 }, silent: { bootMs: null }, broken: { failStart: "no such machine" } };
  const driver = createFakeVmmDriver({ plan: (spec) => plans[spec.vmDir.split("/").at(-1) as keyof typeof plans] });
  const panicked = await driver.start(specOf(join(root, "panic")), never);
  await driver.wait(panicked, never);
  assert.match(await readFile(join(panicked.vmDir, "console.log"), "utf8"), /Kernel panic/);
  const silent = await driver.start(specOf(join(root, "silent")), never);
  await assert.rejects(reach(driver, silent, 500), { code: "guest.unreachable" });
  await driver.end(silent);
  await assert.rejects(driver.start(specOf(join(root, "broken")), never), { code: "vmm.failed", message: /no such machine/ });
});
