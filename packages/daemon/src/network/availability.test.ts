// What a host lacks is named, with what to type. Tried on a lab's host, whose /dev can be changed.
import assert from "node:assert/strict";
import { realpath, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { run } from "@banger/host";
import { probeNetwork } from "./availability.ts";
import { Lab, labObstacle, labRunAs } from "./lab/lab.ts";
import { locatePrograms } from "./programs.ts";

const skip = await labObstacle();

test("a host that has everything says so", { skip, timeout: 60_000 }, async () => {
  await using lab = await Lab.make();
  assert.deepEqual(await (await lab.daemon()).call("availability", "thorough"), { available: true });
});

test(
  "without /dev/net/tun it is named, attaching fails with the same words, and the cure needs no restart",
  { skip, timeout: 60_000 },
  async () => {
    await using lab = await Lab.make();
    await run(lab.inHost(["mount", "-t", "tmpfs", "none", "/dev/net"]));
    const daemon = await lab.daemon();
    const lacking = await daemon.call("availability", "quick");
    assert.deepEqual(lacking, {
      available: false,
      message: "/dev/net/tun is missing: guests' network devices need it",
      hint: "sudo modprobe tun",
    });
    await daemon.call("reconcile", []);
    const vm = { vmId: "alpha", address: "172.16.0.2", mac: "02:fc:ac:10:00:02", egress: "full" } as const;
    await assert.rejects(daemon.call("attach", vm), { code: "network.setup_failed", message: /tun is missing/ });
    await run(lab.inHost(["umount", "/dev/net"]));
    assert.deepEqual(await daemon.call("availability", "quick"), { available: true });
    assert.ok(await daemon.call("attach", vm));
  },
);

test("what goes away under a running daemon is noticed, and its return too", { skip, timeout: 60_000 }, async () => {
  await using lab = await Lab.make();
  const daemon = await lab.daemon();
  assert.deepEqual(await daemon.call("availability", "quick"), { available: true });
  await run(lab.inHost(["mount", "-t", "tmpfs", "none", "/dev/net"]));
  for (const depth of ["quick", "thorough"] as const) {
    const lacking = await daemon.call("availability", depth);
    assert.ok(!lacking.available && /tun is missing/.test(lacking.message), depth);
  }
  await run(lab.inHost(["umount", "/dev/net"]));
  assert.deepEqual(await daemon.call("availability", "quick"), { available: true });
  const pasta = (await locatePrograms(process.env["PATH"] ?? "")).found.pasta ?? assert.fail();
  await writeFile(join(lab.directory, "no-program"), "");
  await run(lab.inHost(["mount", "--bind", join(lab.directory, "no-program"), await realpath(pasta)]));
  const lacking = await daemon.call("availability", "quick");
  assert.ok(!lacking.available);
  assert.equal(lacking.message, "pasta is not installed");
  assert.match(lacking.hint, /passt/);
});

const asRoot = skip === false && labRunAs === null ? "needs root, to keep a device from another user" : skip;

test("a /dev/net/tun kept for root is named with the user who lacks it", { skip: asRoot, timeout: 60_000 }, async () => {
  await using lab = await Lab.make();
  await run(lab.inHost(["mount", "-t", "tmpfs", "none", "/dev/net"]));
  await run(lab.inHost(["mknod", "-m", "0600", "/dev/net/tun", "c", "10", "200"]));
  const lacking = await (await lab.daemon()).call("availability", "quick");
  assert.ok(!lacking.available);
  assert.equal(lacking.message, "/dev/net/tun is closed to ordinary users, its mode is 0600");
  assert.match(lacking.hint, /^sudo chmod 0666 \/dev\/net\/tun/);
});

test("root itself is refused, with ways out", { skip: process.getuid?.() === 0 ? false : "needs root" }, async () => {
  const lacking = await probeNetwork({ searchPath: process.env["PATH"] ?? "", runAs: null });
  assert.ok("available" in lacking);
  assert.match(lacking.message, /not run as root/);
});
