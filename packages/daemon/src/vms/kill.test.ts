// Signals to a VMM, sent by its owner: whatever the VMM makes of them.
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { BangerError } from "@banger/api";
import { isProcessAlive, poll } from "@banger/host";
import type { FakeBoot } from "@banger/testkit";
import { TestDaemon } from "./test-daemon.ts";

const code = (wanted: string) => (error: unknown) => error instanceof BangerError && error.code === wanted;

describe("vm kill", () => {
  let directory: string;
  let one: TestDaemon;
  const begin = (boot: FakeBoot = {}) => (one = new TestDaemon(directory, { plan: () => boot }));
  const start = () => one.run((operation) => one.service.start("a", "agent", operation));
  const stateOf = async (pid: number) => (await readFile(`/proc/${pid}/stat`, "utf8")).split(") ")[1]?.[0];

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "banger-kill-"));
    await mkdir(join(directory, "vms"));
    await writeFile(join(directory, "file"), "x");
  });
  afterEach(async () => {
    await one.end();
    await rm(directory, { recursive: true, force: true });
  });

  for (const onSignal of [undefined, "quits", "ignored"] as const) {
    test(`each signal that ends ends the VM, and it is shown as killed: a VMM by which it is ${onSignal ?? "not handled"}`, async () => {
      begin(onSignal === undefined ? {} : { onSignal });
      const { id } = await one.create("a");
      for (const signal of onSignal === "ignored" ? ["TERM"] : ["TERM", "int", "SIGHUP", "QUIT", undefined]) {
        const { vmm } = one.vmmOf(id);
        const { status, stopReason } = await one.service.kill("a", signal);
        assert.deepEqual([status, stopReason?.code, isProcessAlive(vmm)], ["stopped", "killed", false], signal);
        await start();
      }
    });
  }

  test("STOP makes the VM stand still, CONT lets it go on", async () => {
    begin();
    const { id } = await one.create("a");
    const { pid } = one.vmmOf(id).vmm;
    assert.equal((await one.service.kill("a", "STOP")).status, "running");
    assert.equal(await poll(async () => ((await stateOf(pid)) === "T" ? true : undefined), { timeoutMs: 10_000 }), true);
    assert.equal((await one.service.kill("a", "CONT")).status, "running");
    await one.service.guests.ping("a", AbortSignal.timeout(10_000));
  });

  test("a VM whose stop takes too long is ended, and the stop with it", async () => {
    begin({ ignoresShutdown: true });
    const { id } = await one.create("a");
    const { vmm } = one.vmmOf(id);
    const stopping = one.run((operation) => one.service.stop("a", operation));
    await one.seen("a", "stopping");
    const { status, stopReason } = await one.service.kill("a", undefined);
    assert.deepEqual([status, stopReason, isProcessAlive(vmm)], ["stopped", { code: "killed" }, false]);
    assert.equal((await stopping).status, "stopped");
  });

  test("one that was killed and started again is not called killed when it ends otherwise", async () => {
    begin();
    await one.create("a");
    await one.service.kill("a", undefined);
    await assert.rejects(one.service.kill("a", undefined), code("vm.not_running"));
    await start();
    const exec = await one.service.guests.prepareExec("a", { argv: ["panic"] }, new AbortController().signal);
    await one.service.guests.attach(exec.id).catch(() => undefined);
    assert.equal((await one.seen("a", "stopped")).stopReason?.code, "guest_panic");
    await assert.rejects(async () => one.service.kill("a", "USR1"), code("vm.bad_spec"));
  });
});
