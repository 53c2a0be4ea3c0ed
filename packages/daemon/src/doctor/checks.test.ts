import assert from "node:assert/strict";
import { mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { BangerError, DISTRIBUTIONS, HOST_PROGRAMS, type Family } from "@banger/api";
import fc from "fast-check";
import type { DoctorDeps } from "./deps.ts";
import { fakeHost, recordingRun } from "./fake-deps.ts";
import { runDoctor } from "./run-doctor.ts";
import { findVmUser } from "../vm-user.ts";
import { freeRange, largestRange, parseIdRanges } from "./subordinate-ids.ts";

const never = new AbortController().signal;
const silent = () => undefined;

async function resultOf(id: string, deps: DoctorDeps) {
  const { checks } = await runDoctor(deps, never, silent);
  return checks.find((check) => check.id === id) ?? assert.fail(`no check ${id}`);
}

test("architecture", async () => {
  await using host = await fakeHost();
  assert.equal((await resultOf("architecture", { ...host.deps, architecture: "arm64" })).status, "failed");
});

test("missing programs, with the install command of the distribution", async () => {
  await using host = await fakeHost();
  for (const name of ["nft", "ip", "newuidmap", "newgidmap"]) await rm(join(host.deps.searchPath, name));
  assert.deepEqual((await resultOf("programs", host.deps)).details?.["missing"], ["ip", "nft", "newuidmap", "newgidmap"]);
  await rm(host.deps.files.debianKeyring);
  const fixes: Record<string, string> = {
    debian: "sudo apt install iproute2 nftables uidmap debian-archive-keyring",
    fedora: "sudo dnf install iproute nftables shadow-utils debian-keyring",
    arch: "sudo pacman -S iproute2 nftables shadow debian-archive-keyring",
  };
  for (const [id, fix] of Object.entries(fixes)) {
    await writeFile(host.deps.files.osRelease, `ID="${id}"\n`);
    const result = await resultOf("programs", host.deps);
    assert.equal(result.fix, fix);
    assert.match(result.summary, /Debian's archive keys/);
  }
});

test("an old pasta is a warning with its consequence; none is no matter of this check", async () => {
  await using host = await fakeHost();
  const result = (version: Awaited<ReturnType<DoctorDeps["pastaVersion"]>>) =>
    resultOf("pasta", { ...host.deps, pastaVersion: async () => version });
  assert.equal((await resultOf("pasta", host.deps)).summary, "of 2025-05-03");
  const old = await result({ released: "2023-03-09", hasDnsHost: false });
  assert.equal(old.status, "warning");
  assert.match(old.summary, /^of 2023-03-09: .* gets data twice/);
  assert.match(old.fix ?? "", /2025-03-20/);
  assert.match((await result({ released: null, hasDnsHost: false })).summary, /^from before 2024-11: /);
  assert.equal((await result(null)).status, "skipped");
});

test("what doctor asks for is what make deps installs", async () => {
  const table = await readFile(join(import.meta.dirname, "../../../../scripts/host-packages.txt"), "utf8");
  const rows = table
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(/\s+/));
  const families = Object.keys(DISTRIBUTIONS) as Family[];
  for (const { names, packages } of HOST_PROGRAMS) {
    const row = rows.find(([what]) => what === names.join(","));
    assert.deepEqual(
      row?.slice(2, 5),
      families.map((family) => packages[family]),
      names.join(","),
    );
  }
});

test("no usable KVM is a warning with its cause", async () => {
  await using host = await fakeHost();
  const result = await resultOf("accelerator", {
    ...host.deps,
    probe: async () => ({ accelerator: "tcg", reason: "device present, but a test boot did not finish in 5 s", agentAfterMs: 2500 }),
  });
  assert.equal(result.status, "warning");
  assert.equal(result.summary, "kvm: device present, but a test boot did not finish in 5 s; using tcg (agent after 2.5 s)");
  assert.equal(result.fix, undefined);
  const untested = { accelerator: "kvm", reason: "it is not tested yet: no image is here to boot", agentAfterMs: null } as const;
  const unsure = await resultOf("accelerator", { ...host.deps, probe: async () => untested });
  assert.deepEqual([unsure.status, unsure.summary], ["warning", "kvm: it is not tested yet: no image is here to boot; using kvm"]);
  const closed = { accelerator: "tcg", reason: "not for you", fix: "sudo chmod 0666 /dev/kvm", agentAfterMs: null } as const;
  assert.equal((await resultOf("accelerator", { ...host.deps, probe: async () => closed })).fix, "sudo chmod 0666 /dev/kvm");
});

test("Firecracker: absent is fine, flawed releases are refused", async () => {
  await using host = await fakeHost();
  const answering = (version: string): DoctorDeps => ({
    ...host.deps,
    firecrackerBin: async () => join(host.deps.searchPath, "ip"),
    run: async () => ({ stdout: `Firecracker v${version}\n\n{"version": 1}`, stderr: "" }),
  });
  const verdicts: Record<string, RegExp | undefined> = {
    "1.7.0": /ACPI/,
    "1.13.1": /CVE-2026-1386/,
    "1.13.2": /CVE-2026-5747/,
    "1.14.0": /CVE-2026-1386/,
    "1.14.3": /CVE-2026-5747/,
    "1.14.4": undefined,
    "1.15.0": /CVE-2026-5747/,
    "1.15.1": undefined,
    "1.16.1": undefined,
    "2.0.0": undefined,
  };
  for (const [version, flaw] of Object.entries(verdicts)) {
    const result = await resultOf("firecracker", answering(version));
    assert.equal(result.status, flaw === undefined ? "ok" : "failed", version);
    assert.match(result.summary, flaw ?? new RegExp(version.replaceAll(".", "\\.")));
  }
  assert.equal((await resultOf("firecracker", answering("x"))).status, "failed");
  const misconfigured = await resultOf("firecracker", { ...host.deps, firecrackerBin: async () => "/no/such" });
  assert.equal(misconfigured.status, "failed");
});

test("the user of VMs is asked for only where the daemon is root", async () => {
  await using host = await fakeHost();
  const root = { name: "root", uid: 0 };
  assert.equal((await resultOf("vm-user", { ...host.deps, user: { name: "dev", uid: 1000 } })).status, "skipped");
  const banger = { ...host.deps, user: root, vmUser: async () => ({ name: "banger", uid: 999, gid: 999, home: "/" }) };
  assert.deepEqual(await resultOf("vm-user", banger), { id: "vm-user", status: "ok", summary: "banger (999)" });
  const closed = recordingRun([], (argv) => (argv.at(-1)?.startsWith(host.root) ? "" : undefined));
  const shut = await resultOf("vm-user", { ...banger, run: closed });
  assert.equal(shut.status, "failed");
  assert.equal(shut.summary, `the user banger, who runs root's VMs, cannot get to ${host.root}/data/vms: ${host.root} is closed to it`);
  assert.match(shut.fix ?? "", new RegExp(`^chmod o\\+x ${host.root}, or set BANGER_HOME`));
});

test("where root's host has no user for VMs, one check says so and those that need it are not looked at", async () => {
  await using host = await fakeHost();
  const { required } = await findVmUser({ uid: 0, home: "/" }, async () => undefined);
  const needing = async () => {
    await required();
    throw new Error("not there");
  };
  const report = await runDoctor(
    { ...host.deps, user: { name: "root", uid: 0 }, vmUser: required, probe: needing, network: needing },
    never,
    silent,
  );
  const { checks } = report;
  assert.deepEqual(
    checks.filter(({ status }) => status === "failed").map(({ id, fix }) => [id, fix?.split(" ")[0]]),
    [["vm-user", "useradd"]],
  );
  const skipped = checks.filter(({ summary }) => summary === "not looked at: vm-user").map(({ id }) => id);
  assert.deepEqual(skipped, ["accelerator", "user-namespaces", "tun", "network", "subuids"]);
});

test("a jail that cannot be built, with the setting that forbids it", async () => {
  await using host = await fakeHost();
  const refusing = {
    ...host.deps,
    run: recordingRun([], (argv) => (argv[0]?.endsWith("/bwrap") === true ? "No permissions to create new namespace" : undefined)),
  };
  const plain = await resultOf("user-namespaces", refusing);
  assert.equal(plain.status, "failed");
  assert.match(plain.summary, /No permissions/);
  await mkdir(join(host.deps.files.sysctl, "kernel"), { recursive: true });
  await writeFile(join(host.deps.files.sysctl, "kernel/apparmor_restrict_unprivileged_userns"), "1\n");
  assert.equal((await resultOf("user-namespaces", refusing)).fix, "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0");
});

test("tun: missing, closed, broken; each is a warning, for VMs run without", async () => {
  await using host = await fakeHost();
  const refusing = (words: string) => ({ ...host.deps, run: recordingRun([], (argv) => (argv[0] === "dd" ? words : undefined)) });
  const results = await Promise.all(
    ["dd: No such file or directory", "Permission denied", "Input/output error"].map((words) => resultOf("tun", refusing(words))),
  );
  assert.deepEqual(
    results.map(({ status }) => status),
    ["warning", "warning", "warning"],
  );
  assert.deepEqual(
    results.map(({ fix }) => fix?.split("  ")[0]),
    ["sudo modprobe tun", `sudo chmod 0666 ${host.deps.files.tun}`, undefined],
  );
});

test("what a root daemon runs for the checks, it runs as the user of VMs", async () => {
  await using host = await fakeHost();
  await runDoctor({ ...host.deps, vmUser: async () => ({ name: "banger", uid: 999, gid: 998, home: "/" }) }, never, silent);
  const tried = host.ran.filter((argv) => argv.includes("dd") || argv.some((word) => word.endsWith("/bwrap")));
  assert.equal(tried.length, 2);
  for (const argv of tried) assert.deepEqual(argv.slice(0, 3), ["setpriv", "--reuid=999", "--regid=998"]);
});

test("no network is a warning in the network's own words", async () => {
  await using host = await fakeHost();
  const result = await resultOf("network", {
    ...host.deps,
    network: async () => ({ available: false, message: "pasta is not installed", hint: "sudo apt install passt" }),
  });
  assert.deepEqual(
    [result.status, result.summary, result.fix],
    ["warning", "guests have no network: pasta is not installed", "sudo apt install passt"],
  );
});

test("subuids: too few, in one file only, by number, none", async () => {
  await using host = await fakeHost();
  const { subuid, subgid } = host.deps.files;
  await writeFile(subgid, "dev:100000:1000\n");
  const lacking = await resultOf("subuids", host.deps);
  assert.equal(lacking.status, "failed");
  assert.match(lacking.summary, new RegExp(`^no range of 65536 for dev in ${subgid}:`));
  assert.equal(lacking.fix, "sudo usermod --add-subuids 231072-296607 --add-subgids 231072-296607 dev");
  await writeFile(subgid, `${host.deps.user.uid}:500000:65536`);
  assert.equal((await resultOf("subuids", host.deps)).status, "ok");
  await rm(subuid);
  assert.equal((await resultOf("subuids", host.deps)).status, "failed");
});

test("a range that is offered overlaps nobody's and suffices", () => {
  const range = fc.record(
    { owner: fc.constantFrom("a", "b", "7"), first: fc.nat(1_000_000), count: fc.nat(200_000) },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(fc.array(range), (ranges) => {
      const text = ranges.map(({ owner, first, count }) => `${owner}:${first}:${count}`).join("\n");
      assert.deepEqual(parseIdRanges(text), ranges);
      const [first = 0, last = 0] = freeRange(ranges, 65_536).split("-").map(Number);
      assert.equal(last - first + 1, 65_536);
      for (const taken of ranges) assert.ok(taken.count === 0 || last < taken.first || first >= taken.first + taken.count);
      assert.ok(largestRange([...ranges, { owner: "new", first, count: 65_536 }], { name: "new", uid: 7 }) >= 65_536);
    }),
  );
  assert.deepEqual(parseIdRanges("# dev:1:2\n\nbroken\ndev:x:1\n"), []);
});

test("state directory: another's, a file in its place, a parent that is not writable", async () => {
  await using host = await fakeHost();
  const { data } = host.deps.directories;
  await mkdir(data);
  const own = { ...host.deps, user: { name: "x", uid: process.getuid?.() ?? 0 } };
  assert.equal((await resultOf("state-directory", own)).status, "ok");
  assert.match((await resultOf("state-directory", { ...host.deps, user: { name: "x", uid: 54_321 } })).summary, /belongs to user/);
  await rm(data, { recursive: true });
  await writeFile(data, "");
  assert.match((await resultOf("state-directory", host.deps)).summary, /is not a directory/);
  await rm(data);
  await symlink("/nowhere", data);
  assert.match((await resultOf("state-directory", host.deps)).summary, /is a symlink to nothing/);
});

test("an image that is not here, and one that is broken", async () => {
  await using host = await fakeHost();
  const absent = await resultOf("image", { ...host.deps, images: { ...host.deps.images, find: async () => undefined } });
  assert.deepEqual([absent.status, absent.fix], ["warning", "banger image pull debian-bookworm"]);
  const corrupt = new BangerError("image.corrupt", "debian-bookworm is damaged", { hint: "banger image pull --force debian-bookworm" });
  const broken = await resultOf("image", { ...host.deps, images: { ...host.deps.images, find: () => Promise.reject(corrupt) } });
  assert.deepEqual([broken.status, broken.summary, broken.fix], ["failed", corrupt.message, corrupt.hint]);
});

test("an image that is older than its recipe", async () => {
  await using host = await fakeHost();
  const show = async (name: string) => ({ ...(await host.deps.images.show(name)), outdated: true });
  const old = await resultOf("image", { ...host.deps, images: { ...host.deps.images, show } });
  assert.deepEqual([old.status, old.fix], ["warning", "banger image pull debian-bookworm"]);
});

test("defaults with where they come from; a broken config is told with its place", async () => {
  await using host = await fakeHost();
  assert.equal(
    (await resultOf("vm-defaults", host.deps)).summary,
    "2 vCPU (host)  2 GiB (config)  8 GiB disk (default)  image debian-bookworm (default)",
  );
  const broken = await resultOf("vm-defaults", {
    ...host.deps,
    defaults: () => Promise.reject(new BangerError("config.invalid", '/c.toml:3:1: unknown key "x"')),
  });
  assert.deepEqual([broken.status, broken.summary], ["failed", '/c.toml:3:1: unknown key "x"']);
});
