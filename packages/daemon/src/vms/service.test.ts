// The life of VMs against a fake VMM whose processes are real: they outlive a daemon and can be killed.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { BangerError, parseVmName } from "@banger/api";
import { isProcessAlive, poll } from "@banger/host";
import type { FakeBoot } from "@banger/testkit";
import { BASE, TestDaemon } from "./test-daemon.ts";

const code = (wanted: string) => (error: unknown) => error instanceof BangerError && error.code === wanted;

describe("the life of a VM", () => {
  let directory: string;
  let daemons: TestDaemon[];
  const daemon = (options?: ConstructorParameters<typeof TestDaemon>[1]) => {
    const made = new TestDaemon(directory, options);
    daemons.push(made);
    return made;
  };
  const leftOvers = async (of: TestDaemon) => ({
    rows: of.records.list().length,
    held: of.journal.holders(),
    directories: await readdir(join(directory, "vms")),
    taps: [...of.attached],
  });
  /** How far the guest's clock was set, each time. */
  const clockSettings = async (id: string) =>
    (await readFile(join(directory, "vms", id, "fake-clock"), "utf8").catch(() => "")).split("\n").filter(Boolean).map(Number);
  /** Until the guest's clock, which stood still, is set. */
  const setAhead = async (id: string) => {
    const found = await poll(async () => (await clockSettings(id)).find((ms) => ms > 3_500_000), { timeoutMs: 30_000 });
    assert.ok(found !== undefined && found < 3_700_000, String(await clockSettings(id)));
  };
  const NOTHING = { rows: 0, held: [], directories: [], taps: [] };

  beforeEach(async () => {
    daemons = [];
    directory = await mkdtemp(join(tmpdir(), "banger-vms-"));
    await mkdir(join(directory, "vms"));
    await writeFile(join(directory, "file"), "x");
  });
  afterEach(async () => {
    const last = daemons.at(-1);
    if (last !== undefined) {
      for (const { name } of last.records.list()) await last.run((operation) => last.service.delete(name, operation));
      await last.crash();
    }
    await rm(directory, { recursive: true, force: true });
  });

  test("a new VM gets its owner's files at its first boot, and only then; one that is missing keeps it from nothing", async () => {
    const one = daemon();
    await writeFile(join(directory, "settings"), "mine");
    const host = (name: string) => ({ host: join(directory, name), guest: `.config/${name}`, mode: null });
    one.synced = [host("settings"), host("missing")];
    const { id } = await one.create("a");
    const file = join(directory, "vms", id, "fake-root/root/.config/settings");
    assert.equal(await readFile(file, "utf8"), "mine");
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.deepEqual(one.warnings, [`file_sync: not copied: ${join(directory, "missing")}: it is not there ()`]);
    await writeFile(file, "the guest's now");
    await one.run((operation) => one.service.stop("a", operation));
    await one.run((operation) => one.service.start("a", "agent", operation));
    assert.equal(await readFile(file, "utf8"), "the guest's now");
    assert.equal(one.warnings.length, 1);
    await truncate(join(directory, "settings"), 65 * 1024 * 1024);
    await assert.rejects(one.create("b"), code("config.invalid"));
    assert.equal(one.records.list().length, 1);
  });

  test("an image older than its recipe is used as it is, with a word on how to have it anew", async () => {
    const one = daemon();
    one.isImageOutdated = true;
    await one.create("a");
    const told = "image debian-bookworm is older than its recipe, and used as it is (banger image pull debian-bookworm builds it anew)";
    assert.deepEqual(one.warnings, [told]);
  });

  test("create, stop, start, delete leave what they should and nothing else", async () => {
    const one = daemon();
    const vm = await one.create("a");
    assert.equal(vm.status, "running");
    assert.match(vm.sshHostKey, /^ssh-ed25519 /);
    await one.run((operation) => one.service.stop("a", operation));
    assert.deepEqual((await one.service.show("a")).stopReason, { code: "requested" });
    assert.equal(one.attached.size, 0);
    const again = await one.run((operation) => one.service.start("a", "agent", operation));
    assert.notEqual(again.sshHostKey, vm.sshHostKey, "each boot has a key of its own");
    await one.run((operation) => one.service.delete("a", operation));
    assert.deepEqual(await leftOvers(one), NOTHING);
  });

  test("a failure before the guest is reached leaves nothing", async () => {
    const one = daemon({ failAttach: true });
    await assert.rejects(one.create("a"), code("network.setup_failed"));
    assert.deepEqual(await leftOvers(one), NOTHING);
    const two = daemon({ plan: () => ({ failStart: "no such machine" }) });
    await assert.rejects(two.create("a"), code("vmm.failed"));
    assert.deepEqual(await leftOvers(two), NOTHING);
    await assert.rejects(two.create("b", { image: "other" }), code("image.not_found"));
    assert.deepEqual(await leftOvers(two), NOTHING);
  });

  test("a guest that panics at boot is kept with its last words", async () => {
    const one = daemon({ plan: () => ({ bootMs: null, panicAfterMs: 100 }) });
    await assert.rejects(
      one.create("a", { lease: true }),
      (error: BangerError) => code("guest.not_ready")(error) && /Kernel panic/.test(error.message),
    );
    const kept = await one.service.show("a");
    assert.deepEqual([kept.status, kept.stopReason?.code, kept.leased], ["stopped", "start_failed", false]);
  });

  test("a guest that ends while it is configured, or before it is ready, is kept with the reason", async () => {
    const boots: Record<string, FakeBoot> = {
      a: { configureMs: 60_000, panicAfterMs: 500 },
      b: { readiness: { agent: 0 }, endsItself: { mode: "poweroff", afterMs: 200 } },
      c: { readiness: { agent: 0 }, panicAfterMs: 1000 },
    };
    const one = daemon({ plan: ({ vmId }) => boots[one.records.get(vmId).name] ?? {} });
    for (const name of ["a", "b", "c"]) {
      await assert.rejects(one.create(name, { wait: "basic", lease: true }), (error: BangerError) => {
        assert.equal(error.code, "guest.not_ready", error.message);
        assert.match(error.message, name === "b" ? /ended before it was ready \(basic\): guest poweroff/ : /Kernel panic/);
        assert.match(error.hint ?? "", new RegExp(`banger vm logs ${name} .*banger vm delete ${name}`));
        return true;
      });
      const { status, leased } = await one.service.show(name);
      assert.deepEqual([status, leased], ["stopped", false]);
    }
  });

  test("a guest that reboots before it is ready is waited for", async () => {
    const one = daemon({
      plan: (_, boot) => (boot === 1 ? { readiness: { agent: 0 }, endsItself: { mode: "reboot", afterMs: 200 } } : {}),
    });
    assert.deepEqual((await one.create("a", { wait: "basic" })).status, "running");
    assert.equal((await one.service.show("a")).readiness.includes("basic"), true);
  });

  test("hanging up during the boot undoes the create", async () => {
    const one = daemon({ plan: () => ({ bootMs: null }) });
    const hangUp = new AbortController();
    const created = one.run((operation) => one.service.create({ name: parseVmName("a"), spec: BASE }, operation), hangUp.signal);
    await poll(
      () =>
        one.journal.holders().length > 0 && one.journal.of(one.journal.holders()[0] ?? "").get("process")?.state === "acquired"
          ? true
          : undefined,
      { timeoutMs: 10_000 },
    );
    hangUp.abort();
    await assert.rejects(created, code("operation.cancelled"));
    assert.deepEqual(await leftOvers(one), NOTHING);
  });

  test("a taken name is refused and the first VM is untouched", async () => {
    const one = daemon();
    await one.create("a");
    await assert.rejects(one.create("a"), code("vm.name_taken"));
    assert.equal((await one.service.show("a")).status, "running");
  });

  test("a guest that stands still for a full disk is told of, refuses work, and goes on once there is room", async () => {
    const one = daemon();
    const { id } = await one.create("a");
    const still = join(directory, "vms", id, "fake-paused");
    await writeFile(still, "");
    await one.seen("a", "running", (vm) => vm.pauseReason === "host_disk_full");
    const attempt = async () => {
      const { id: exec } = await one.service.guests.prepareExec("a", { argv: ["true"], wait: "agent" }, new AbortController().signal);
      (await one.service.guests.attach(exec)).destroy();
    };
    await assert.rejects(
      attempt(),
      (error: BangerError) => code("host.disk_full")(error) && error.message.startsWith("the guest is paused"),
    );
    one.aheadMs = 3_600_000;
    await one.seen("a", "running", (vm) => vm.pauseReason === null);
    await setAhead(id);
    assert.equal(existsSync(still), false);
    await attempt();
    await writeFile(still, "");
    await one.seen("a", "running", (vm) => vm.pauseReason === "host_disk_full");
    await one.run((operation) => one.service.stop("a", operation));
    const { status, pauseReason } = await one.service.show("a");
    assert.deepEqual({ status, pauseReason }, { status: "stopped", pauseReason: null });
  });

  test("a host without a network still gives VMs: it is said at the start, shown, and over with the next start", async () => {
    const one = daemon();
    one.noNetwork = { available: false, message: "pasta is not installed", hint: "sudo apt install passt" };
    await assert.rejects(one.create("b", { needsNetwork: true }), code("network.no_egress"));
    assert.equal(one.records.list().length, 0);
    const { id, noNetwork } = await one.create("a");
    assert.deepEqual(one.warnings, ["no network for this VM: pasta is not installed (sudo apt install passt)"]);
    assert.deepEqual(noNetwork, { reason: "pasta is not installed", fix: "sudo apt install passt" });
    await one.create("b", { egress: "none" });
    assert.equal(one.warnings.length, 1, "who asked for none misses nothing");
    await one.crash();
    const two = daemon();
    await two.reconcile();
    assert.deepEqual(two.known, [], "a network they never had is not looked for");
    const after = await two.service.show("a");
    assert.deepEqual([after.noNetwork, after.networkLost], [noNetwork, false]);
    assert.equal((await two.run((operation) => two.service.stop("a", operation))).noNetwork, null);
    const again = await two.run((operation) => two.service.start("a", "agent", operation));
    assert.deepEqual([again.noNetwork, two.warnings, two.attached.has(id)], [null, [], true]);
  });

  test("who wants something of a VM that is starting waits for it", async () => {
    const one = daemon({ plan: () => ({ configureMs: 500 }) });
    const { id } = await one.create("a", { start: false });
    const start = one.run((operation) => one.service.start("a", "agent", operation));
    await one.seen("a", "starting");
    const { id: exec } = await one.service.guests.prepareExec("a", { argv: ["true"] }, new AbortController().signal);
    assert.ok(exec !== "" && one.records.get(id).status === "running");
    await start;
  });

  test("the clocks of guests are set once the host has slept", async () => {
    const one = daemon();
    const { id } = await one.create("a");
    await poll(async () => ((await clockSettings(id)).length === 1 ? true : undefined), { timeoutMs: 10_000 });
    one.sleptMs = 3_600_000;
    await setAhead(id);
  });

  test("a killed VMM is seen, told, and starts again", async () => {
    const one = daemon();
    const { id } = await one.create("a");
    process.kill(one.vmmOf(id).vmm.pid, "SIGKILL");
    assert.equal((await one.seen("a", "stopped")).stopReason?.code, "killed");
    assert.equal((await one.run((operation) => one.service.start("a", "agent", operation))).status, "running");
  });

  test("a daemon that dies loses nothing: the next one finds the VM alive", async () => {
    const first = daemon();
    const { id } = await first.create("a");
    const before = first.vmmOf(id);
    await first.crash();
    const second = daemon();
    await second.reconcile();
    assert.equal((await second.service.show("a")).status, "running");
    assert.deepEqual(second.vmmOf(id), before);
    await second.service.waitFor("a", "agent", new AbortController().signal);
    await second.run((operation) => second.service.stop("a", operation));
    assert.ok(!isProcessAlive(before.vmm));
  });

  test("what died while the daemon was away is settled with its reason", async () => {
    const first = daemon();
    const { id } = await first.create("a");
    await first.create("b", { start: false });
    const { vmm } = first.vmmOf(id);
    await first.crash();
    process.kill(vmm.pid, "SIGKILL");
    const second = daemon();
    await second.reconcile();
    await second.seen("a", "stopped");
    assert.equal((await second.service.show("b")).stopReason?.code, "never_started");
  });

  test("a create cut short by the daemon's death leaves nothing", async () => {
    const first = daemon({ plan: () => ({ bootMs: null }) });
    const cut = first.create("a").catch(() => undefined);
    const id = await poll(() => first.journal.holders().find((each) => first.journal.of(each).get("process")?.state === "acquired"), {
      timeoutMs: 10_000,
    });
    assert.ok(id !== undefined);
    const { vmm } = first.vmmOf(id);
    const second = daemon();
    await second.reconcile();
    assert.deepEqual(await leftOvers(second), NOTHING);
    assert.ok(!isProcessAlive(vmm));
    await first.crash();
    await cut;
  });

  test("a VM that is still being made is not started or stopped; deleted, it is not made", async () => {
    const one = daemon();
    const image = Promise.withResolvers<void>();
    one.pulling = image.promise;
    const creating = one.create("a");
    await poll(() => (one.records.list().length === 1 ? true : undefined), { timeoutMs: 10_000 });
    for (const verb of ["start", "stop", "restart"] as const) {
      const attempt = one.run((operation) =>
        verb === "stop" ? one.service.stop("a", operation) : one.service[verb]("a", "agent", operation),
      );
      await assert.rejects(attempt, (error: BangerError) => code("vm.busy")(error) && /a is still being made/.test(error.message));
    }
    await one.run((operation) => one.service.delete("a", operation));
    image.resolve();
    await assert.rejects(creating, code("vm.not_found"));
    assert.deepEqual(await leftOvers(one), NOTHING);
  });

  test("an unleased VM stays; a leased one goes when its holder hangs up", async () => {
    const one = daemon();
    await one.create("a", { lease: true });
    const hangUp = new AbortController();
    const held = one.service.holdLease("a", hangUp.signal);
    hangUp.abort();
    await held;
    await poll(() => (one.records.list().length === 0 ? true : undefined), { timeoutMs: 10_000 });
    assert.deepEqual(await leftOvers(one), NOTHING);
  });

  test("stopping a VM that is still booting cancels its start", async () => {
    const one = daemon({ plan: (_, boot) => (boot === 1 ? {} : { bootMs: null }) });
    await one.create("a");
    await one.run((operation) => one.service.stop("a", operation));
    const starting = one.run((operation) => one.service.start("a", "agent", operation)).catch((error: unknown) => error);
    await one.seen("a", "starting");
    await one.run((operation) => one.service.stop("a", operation));
    assert.equal(((await starting) as BangerError).code, "operation.cancelled");
    assert.equal((await one.service.show("a")).status, "stopped");
  });
});
