import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { deviceBinds, jailNetwork, planJail, type JailSpec } from "./jail.ts";

const spec: JailSpec = {
  program: ["/usr/bin/vmm", "--flag"],
  env: {},
  binds: [{ source: "/src/data.img", target: "/disks/data", access: "rw" }],
  network: "none",
  runAs: null,
  tools: { bwrap: "/usr/bin/bwrap", nsenter: "/usr/bin/nsenter", searchPath: "/usr/bin" },
  endsWithStarter: false,
  statusFd: 3,
};

function after(argv: readonly string[], option: string): readonly string[] {
  const at = argv.indexOf(option);
  return at < 0 ? [] : argv.slice(at + 1);
}

describe("the plan of a jail", () => {
  it("isolates, and drops every right", () => {
    const argv = planJail(spec);
    assert.equal(argv[0], "/usr/bin/bwrap");
    for (const option of [
      "--unshare-user",
      "--unshare-pid",
      "--unshare-ipc",
      "--unshare-uts",
      "--unshare-cgroup-try",
      "--unshare-net",
      "--clearenv",
      "--new-session",
    ]) {
      assert.ok(argv.includes(option), option);
    }
    assert.equal(after(argv, "--cap-drop")[0], "ALL");
    assert.deepEqual(after(argv, "--bind").slice(0, 2), ["/src/data.img", "/disks/data"]);
    assert.deepEqual(argv.slice(-3), ["--", "/usr/bin/vmm", "--flag"]);
  });

  it("makes a VMM outlive its starter unless it is a trial", () => {
    assert.equal(planJail(spec).includes("--die-with-parent"), false);
    assert.equal(planJail({ ...spec, endsWithStarter: true }).includes("--die-with-parent"), true);
  });

  it("closes the root after everything is mounted", () => {
    const argv = planJail(spec);
    assert.ok(argv.lastIndexOf("--remount-ro") > Math.max(argv.lastIndexOf("--bind"), argv.lastIndexOf("--dev-bind")));
  });

  it("enters the anchor's namespaces first, as the user who owns them", () => {
    const argv = planJail({ ...spec, network: { anchorPid: 77 }, runAs: { uid: 990, gid: 991, home: "/var/lib/banger" } });
    assert.equal(argv[0], "setpriv");
    const bwrap = argv.indexOf("/usr/bin/bwrap");
    const nsenter = argv.indexOf("/usr/bin/nsenter");
    assert.ok(nsenter > 0 && nsenter < bwrap);
    assert.deepEqual(argv.slice(nsenter + 1, bwrap), ["--user", "--net", "--preserve-credentials", "--target", "77", "--"]);
    assert.equal(argv.includes("--unshare-net"), false);
  });

  it("keeps no group but those that the user is lent", () => {
    const runAs = { uid: 990, gid: 991, home: "/var/lib/banger" };
    assert.ok(planJail({ ...spec, runAs }).includes("--clear-groups"));
    const lent = planJail({ ...spec, runAs: { ...runAs, groups: [106] } });
    assert.ok(lent.includes("--groups=106") && !lent.includes("--clear-groups"));
  });

  it("leaves the host's network only to a VM whose tap is there", () => {
    assert.equal(jailNetwork(null, { anchorPid: 1 }), "none");
    assert.equal(jailNetwork(null, null), "none");
    assert.equal(jailNetwork({}, null), "host");
    assert.deepEqual(jailNetwork({}, { anchorPid: 1 }), { anchorPid: 1 });
  });

  it("gives just the devices that are needed", () => {
    assert.deepEqual(deviceBinds({ kvm: false, tun: false }), []);
    assert.deepEqual(
      deviceBinds({ kvm: true, tun: true }).map(({ target }) => target),
      ["/dev/kvm", "/dev/net/tun"],
    );
  });

  it("passes the program's arguments on as they are, whatever they hold", () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { minLength: 1 }), (program) => {
        const argv = planJail({ ...spec, program });
        assert.deepEqual(argv.slice(argv.length - program.length), program);
        assert.equal(argv[argv.length - program.length - 1], "--");
      }),
    );
  });
});
