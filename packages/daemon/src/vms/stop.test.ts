// A stop is never a power cut while the guest may still be asked: whatever became of the connection, or of the daemon.
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { isProcessAlive, poll } from "@banger/host";
import { TestDaemon, type TestDaemonOptions } from "./test-daemon.ts";

describe("a stop", () => {
  let directory: string;
  let last: TestDaemon | undefined;
  const daemon = (options?: TestDaemonOptions) => (last = new TestDaemon(directory, options));
  const consoleOf = (id: string) => readFile(join(directory, "vms", id, "console.log"), "utf8");
  const stop = (of: TestDaemon) => of.run((operation) => of.service.stop("a", operation));
  /** What a guest that powered itself off says last, the file systems being safe. */
  const powerDowns = async (id: string) => (await consoleOf(id)).match(/reboot: Power down/g)?.length ?? 0;
  const isGoingDown = async (id: string) => ((await consoleOf(id)).includes("guest is going down") ? true : undefined);

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "banger-stops-"));
    await mkdir(join(directory, "vms"));
    await writeFile(join(directory, "file"), "x");
  });
  afterEach(async () => {
    await last?.end();
    await rm(directory, { recursive: true, force: true });
  });

  test("right after the daemon's death waits for the guest's agent, and asks it", async () => {
    const first = daemon();
    const { id } = await first.create("a");
    await first.crash();
    const second = daemon();
    await second.reconcile();
    await stop(second);
    assert.equal(await powerDowns(id), 1);
  });

  test("and the restart likewise", async () => {
    const first = daemon();
    const { id } = await first.create("a");
    await first.crash();
    const second = daemon();
    await second.reconcile();
    await second.run((operation) => second.service.restart("a", "agent", operation));
    assert.equal(await powerDowns(id), 1);
  });

  test("that the daemon's death cuts short is gone on with, at the guest's pace", async () => {
    const first = daemon({ plan: () => ({ downMs: 3000 }) });
    const { id } = await first.create("a");
    const cut = stop(first).catch(() => undefined);
    await poll(() => isGoingDown(id), { timeoutMs: 20_000 });
    await first.crash();
    await cut;
    const second = daemon();
    await second.reconcile();
    assert.equal((await second.service.show("a")).status, "stopping", "nobody else waits for it");
    assert.equal(await powerDowns(id), 0);
    const again = await second.run((operation) => second.service.start("a", "agent", operation));
    assert.equal(again.status, "running");
    assert.equal(await powerDowns(id), 1);
  });

  test("is left to the next daemon by one that leaves: the guest is not cut off", async () => {
    const first = daemon({ plan: () => ({ downMs: 1500 }) });
    const { id } = await first.create("a");
    const { vmm } = first.vmmOf(id);
    const cut = stop(first).catch((error: unknown) => error);
    await poll(() => isGoingDown(id), { timeoutMs: 20_000 });
    first.service.close();
    assert.equal(((await cut) as { code?: string }).code, "daemon.stopping");
    assert.equal(first.records.byName("a").status, "stopping");
    await first.crash();
    await poll(() => (isProcessAlive(vmm) ? undefined : true), { timeoutMs: 20_000 });
    assert.equal(await powerDowns(id), 1);
    const second = daemon();
    await second.reconcile();
    assert.deepEqual((await second.seen("a", "stopped")).stopReason, { code: "requested" });
  });

  test("of a guest that drops every connection is one all the same; meanwhile it is called less and less often", async () => {
    const faults = { fail: { "/v1/events": { status: 500, code: "failed", message: "no" } } };
    const one = daemon({ plan: () => ({ faults }), deadlines: { readinessMs: 100 } });
    await assert.rejects(one.create("a"), { code: "guest.not_ready" });
    const { id } = one.records.byName("a");
    const losses = () => one.logged.filter(({ message }) => message === "the guest's connection was lost").map(({ atMs }) => atMs);
    const five = await poll(() => (losses().length >= 5 ? losses() : undefined), { timeoutMs: 60_000 });
    assert.ok(five?.[0] !== undefined && five[4] !== undefined);
    assert.ok(five[4] - five[0] > 2500, five.join(" "));
    await stop(one);
    assert.equal(await powerDowns(id), 1);
  });

  test("of a guest that ignores it ends the VMM at the deadline, and says so", async () => {
    const one = daemon({ plan: () => ({ ignoresShutdown: true }), deadlines: { graceMs: 100, poweroffMs: 400 } });
    const { id } = await one.create("a");
    const { vmm } = one.vmmOf(id);
    assert.equal((await stop(one)).status, "stopped");
    assert.ok(!isProcessAlive(vmm));
    assert.match(one.warnings.join("\n"), /the guest did not power off by itself: it did not within 0.5 s/);
  });

  test("of a guest that stands still and never answers ends the VMM at the deadline", async () => {
    const one = daemon({ deadlines: { graceMs: 100, poweroffMs: 400 } });
    const { id } = await one.create("a");
    const { vmm } = one.vmmOf(id);
    process.kill(vmm.pid, "SIGSTOP");
    assert.equal((await stop(one)).status, "stopped");
    assert.ok(!isProcessAlive(vmm));
    assert.match(one.warnings.join("\n"), /the guest did not power off by itself: it did not within 0.5 s/);
  });
});
