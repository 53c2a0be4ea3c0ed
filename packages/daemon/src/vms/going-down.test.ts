// A guest that goes down by itself, against a fake VMM whose processes are real.
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { isProcessAlive, poll } from "@banger/host";
import type { FakeBoot } from "@banger/testkit";
import { REBOOT_LIMIT } from "./ending.ts";
import { TestDaemon } from "./test-daemon.ts";

describe("a guest that goes down by itself", () => {
  let directory: string;
  let daemon: TestDaemon;
  let boots: number;
  const begin = (plan: (boot: number) => FakeBoot, outlivesPoweroff = false) => {
    boots = 0;
    daemon = new TestDaemon(directory, { outlivesPoweroff, plan: (_, boot) => plan((boots = boot)) });
  };

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "banger-reboots-"));
    await mkdir(join(directory, "vms"));
    await writeFile(join(directory, "file"), "x");
  });
  afterEach(async () => {
    for (const { name } of daemon.records.list()) await daemon.run((operation) => daemon.service.delete(name, operation));
    await daemon.crash();
    await rm(directory, { recursive: true, force: true });
  });

  test("to reboot is booted again, and never shown as stopped meanwhile", async () => {
    begin((boot) => (boot === 1 ? { endsItself: { mode: "reboot", afterMs: 200 } } : {}));
    const { bootId } = await daemon.create("a");
    const shown = new Set<string>();
    const again = await daemon.seen("a", "running", (vm) => {
      shown.add(daemon.records.byName("a").status);
      return vm.bootId !== null && vm.bootId !== bootId;
    });
    assert.equal(boots, 2);
    assert.equal(again.stopReason, null);
    assert.ok(!shown.has("stopped"));
  });

  test("to reboot while no daemon is there is booted again by the next, which answers meanwhile", async () => {
    const reboots: FakeBoot = { endsItself: { mode: "reboot", afterMs: 500 } };
    begin(() => reboots);
    const { id } = await daemon.create("a");
    const { vmm } = daemon.vmmOf(id);
    await daemon.crash();
    await poll(() => (isProcessAlive(vmm) ? undefined : true), { timeoutMs: 20_000 });
    begin(() => ({ bootMs: 2000 }));
    await daemon.reconcile();
    assert.equal((await daemon.service.show("a")).status, "starting");
    await daemon.run((operation) => daemon.service.start("a", "agent", operation));
    assert.equal(boots, 1);
  });

  test("to reboot where there is no room left, or nothing can be undone, is stopped with the reason", async () => {
    begin((boot) => (boot === 1 ? { endsItself: { mode: "reboot", afterMs: 300 } } : {}));
    await daemon.create("a");
    daemon.hasRoom = false;
    const { stopReason } = await daemon.seen("a", "stopped");
    assert.equal(stopReason?.code, "start_failed");
    assert.match(stopReason?.detail ?? "", /space is left/);
    daemon.hasRoom = true;
    await daemon.create("b");
    daemon.failing = { "detach-network": "instead" };
    assert.match((await daemon.seen("b", "stopped")).stopReason?.detail ?? "", /detach-network fails/);
    daemon.failing = {};
  });

  test("to reboot at every boot is stopped at the limit, and holds nothing then", async () => {
    begin((boot) => ({ endsItself: { mode: "reboot", afterMs: boot === 1 ? 200 : 0 } }));
    await daemon.create("a");
    const { stopReason } = await daemon.seen("a", "stopped");
    assert.deepEqual(stopReason, { code: "reboot_loop", detail: `it rebooted ${REBOOT_LIMIT + 1} times within 5 minutes` });
    assert.equal(boots, REBOOT_LIMIT + 1);
    assert.equal(daemon.attached.size, 0);
  });

  test("to reboot each time before it is ready is stopped, however slowly it does", async () => {
    begin((boot) => (boot === 1 ? {} : { readiness: { agent: 0 }, endsItself: { mode: "reboot", afterMs: 0 } }));
    await daemon.create("a");
    const { id } = await daemon.run((operation) => daemon.service.stop("a", operation));
    await daemon.run((operation) => daemon.service.start("a", "agent", operation)).catch(() => undefined);
    // What is older than the window counts for nothing.
    const isStopped = () => {
      const { status, reboots } = daemon.records.get(id);
      if (reboots.length > 0) daemon.records.update(id, { reboots: [] });
      return status === "stopped" ? true : undefined;
    };
    await poll(isStopped, { timeoutMs: 60_000, intervalMs: 5 });
    const { detail } = (await daemon.service.show("a")).stopReason ?? {};
    assert.equal(detail, `it rebooted ${REBOOT_LIMIT + 1} times in a row before it was ready`);
  });

  test("to reboot by force, so that its agent cannot tell, is booted again all the same", async () => {
    begin((boot) => (boot === 1 ? { endsItself: { mode: "reboot", afterMs: 100, isForced: true } } : {}));
    const { bootId } = await daemon.create("a");
    await daemon.seen("a", "running", (vm) => vm.bootId !== null && vm.bootId !== bootId);
  });

  test("to halt, which no VMM notices, is ended once it is down, whether its agent could tell or not", async () => {
    begin((boot) => ({ downMs: 300, endsItself: { mode: "halt", afterMs: 100, ...(boot === 2 ? { isForced: true } : {}) } }));
    const { id } = await daemon.create("a");
    for (const boot of [1, 2]) {
      if (boot > 1) await daemon.run((operation) => daemon.service.start("a", "agent", operation));
      assert.equal((await daemon.seen("a", "stopped")).stopReason?.code, "guest_poweroff");
      assert.equal((await readFile(join(directory, "vms", id, "console.log"), "utf8")).match(/reboot: System halted/g)?.length, boot);
    }
  });

  test("to power off, on a VMM that outlives it, is down each time before the VMM is ended", async () => {
    begin((boot) => ({ downMs: 300, endsItself: { mode: "poweroff", afterMs: 100, ...(boot === 3 ? { isForced: true } : {}) } }), true);
    const { id } = await daemon.create("a");
    for (const boot of [1, 2, 3]) {
      if (boot > 1) await daemon.run((operation) => daemon.service.start("a", "agent", operation));
      assert.equal((await daemon.seen("a", "stopped")).stopReason?.code, "guest_poweroff");
      const console = await readFile(join(directory, "vms", id, "console.log"), "utf8");
      assert.equal(console.match(/reboot: Power down/g)?.length, boot);
    }
  });
});
