import assert from "node:assert/strict";
import { chmod, chown, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { findProgram, run, type RunAs } from "@banger/host";
import { planJail } from "./jail.ts";
import { kvmObstacle, withKvmGroup } from "./kvm-device.ts";
import { resolveProgram } from "./program.ts";

const node = { mode: 0o20660, uid: 0, gid: 107, group: "kvm" };

describe("who may use KVM by its device node", () => {
  const user = { name: "dev", uid: 1000, gids: [1000, 106] };

  it("is whoever can open it", () => {
    assert.equal(kvmObstacle({ ...node, mode: 0o20666 }, user), undefined);
    assert.equal(kvmObstacle({ ...node, gid: 106 }, user), undefined);
    assert.equal(kvmObstacle({ ...node, mode: 0o20600, uid: 1000 }, user), undefined);
    assert.equal(kvmObstacle({ ...node, mode: 0o20600 }, { name: "root", uid: 0, gids: [0] }), undefined);
  });

  it("names who cannot open it, the mode, and what to type", () => {
    assert.deepEqual(kvmObstacle(node, user), {
      reason: "/dev/kvm is not open to dev (mode 0660, user 0, group kvm)",
      fix: "sudo usermod -aG kvm dev, log in again, then: banger daemon stop",
    });
    assert.match(kvmObstacle(undefined, user)?.reason ?? "", /no \/dev\/kvm/);
  });

  it("advises no group that would not help, or opens too much", () => {
    const fix = "sudo chmod 666 /dev/kvm (until the next boot)";
    assert.equal(kvmObstacle({ ...node, mode: 0o20600 }, user)?.fix, fix);
    assert.equal(kvmObstacle({ ...node, gid: 0, group: "root" }, user)?.fix, fix);
  });
});

describe("the group a VMM is lent for KVM", () => {
  const runAs = { uid: 990, gid: 991, home: "/" };

  it("is the device's where only that group may open it", () => {
    assert.deepEqual(withKvmGroup(runAs, node), { ...runAs, groups: [107] });
  });

  it("is none where it is not needed, or would not help", () => {
    for (const mode of [0o20666, 0o20600, 0o20640]) assert.deepEqual(withKvmGroup(runAs, { ...node, mode }), runAs);
    assert.deepEqual(withKvmGroup(runAs, undefined), runAs);
  });

  it("is never root's", () => {
    assert.deepEqual(withKvmGroup(runAs, { ...node, gid: 0, group: "root" }), runAs);
  });
});

it("a jail whose user is lent the group of a device opens it, and without the group does not", async (context) => {
  const searchPath = process.env["PATH"] ?? "";
  const [bwrap, dd] = [await findProgram("bwrap", searchPath), await findProgram("dd", searchPath)];
  if (bwrap === undefined || dd === undefined) return context.skip("bwrap or dd is not installed");
  // Numbers that belong to nobody here.
  const runAs: RunAs = { uid: 61_235, gid: 61_235, home: "/" };
  const deviceGid = 61_236;
  await using device = await makeDevice(deviceGid);
  if (device.path === undefined) return context.skip(`no device node can be made: ${device.why}`);
  const [source, program] = [device.path, await resolveProgram(dd)];
  const openIt = (as: RunAs) => {
    const argv = planJail({
      program: [dd, "if=/dev/kvm", "of=/dev/kvm", "count=0", "conv=notrunc,nocreat", "status=none"],
      env: {},
      binds: [...program.binds, { source, target: "/dev/kvm", access: "device" }],
      network: "none",
      runAs: as,
      tools: { bwrap, nsenter: "nsenter", searchPath },
      endsWithStarter: true,
      statusFd: 1,
    });
    return run(argv, { cwd: "/" });
  };
  await openIt(withKvmGroup(runAs, { ...node, gid: deviceGid }));
  await assert.rejects(openIt(runAs), /Permission denied/);
});

/** A node of /dev/null's numbers, mode 0660 root:`gid`, in a directory that anybody may enter; no path where that is refused. */
async function makeDevice(gid: number) {
  const directory = await mkdtemp("/var/tmp/banger-device-");
  const path = join(directory, "node");
  const why = await run(["mknod", "-m", "0660", path, "c", "1", "3"])
    .then(() => chown(path, 0, gid))
    .then(() => chmod(directory, 0o755))
    .then(() => undefined)
    .catch((error: unknown) => String(error));
  return { path: why === undefined ? path : undefined, why, [Symbol.asyncDispose]: () => rm(directory, { recursive: true }) };
}
