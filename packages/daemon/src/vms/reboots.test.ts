// A guest that reboots by itself, against a fake VMM whose processes are real.
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import type { FakeBoot } from "@banger/testkit";
import { REBOOT_LIMIT } from "./ending.ts";
import { TestDaemon } from "./test-daemon.ts";

describe("a guest that reboots by itself", () => {
  let directory: string;
  let daemon: TestDaemon;
  let boots: number;
  const begin = (plan: (boot: number) => FakeBoot) => {
    boots = 0;
    daemon = new TestDaemon(directory, { plan: (_, boot) => plan((boots = boot)) });
  };

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "banger-reboots-"));
    await mkdir(join(directory, "vms"));
    await writeFile(join(directory, "file"), "x");
  });
  afterEach(async () => {
    for (const { name } of daemon.records.list()) await daemon.run((operation) => daemon.service.delete(name, operation));
    daemon.crash();
    await rm(directory, { recursive: true, force: true });
  });

  test("is booted again, and never shown as stopped meanwhile", async () => {
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

  test("at every boot is stopped at the limit, and holds nothing then", async () => {
    begin((boot) => ({ endsItself: { mode: "reboot", afterMs: boot === 1 ? 200 : 0 } }));
    await daemon.create("a");
    const { stopReason } = await daemon.seen("a", "stopped");
    assert.deepEqual(stopReason, { code: "reboot_loop", detail: `it rebooted ${REBOOT_LIMIT + 1} times within 5 minutes` });
    assert.equal(boots, REBOOT_LIMIT + 1);
    assert.equal(daemon.attached.size, 0);
  });
});
