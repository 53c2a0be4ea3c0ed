import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { BangerError } from "./errors.ts";
import { isVmName, parseVmName } from "./names.ts";
import { resolvePaths } from "./paths.ts";
import { parsePortMapping } from "./ports.ts";
import { formatSize, GIB, MIB, parseSize } from "./sizes.ts";

const fails = (code: string) => (error: unknown) => error instanceof BangerError && error.code === code && error.hint !== undefined;

describe("sizes", () => {
  test("the forms people write", () => {
    for (const [text, bytes] of [
      ["16G", 16 * GIB],
      ["4GiB", 4 * GIB],
      ["512MiB", 512 * MIB],
      ["512mb", 512 * MIB],
      ["2048", 2048 * MIB],
      ["1.5G", 1.5 * GIB],
      ["1T", 1024 * GIB],
    ] as const) {
      assert.equal(parseSize(text), bytes, text);
    }
  });
  test("anything else is refused with a hint", () => {
    for (const text of ["", "0", "-1G", "4Q", "G", "1e3", "4 G B", "NaN", "9".repeat(30)])
      assert.throws(() => parseSize(text), fails("vm.bad_spec"), text);
  });
  test("whole MiB survive formatting and parsing", () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 1023 }), (mib) => parseSize(formatSize(mib * MIB)) === mib * MIB));
  });
});

describe("names", () => {
  test("DNS labels pass, all else is refused, nothing is normalised", () => {
    for (const name of ["a", "a-b", "0", "x".repeat(63)]) assert.equal(parseVmName(name), name);
    for (const name of ["", "-a", "a-", "A", "a_b", "a.b", "x".repeat(64), "a b", "../x", "ä", "a\n"])
      assert.throws(() => parseVmName(name), fails("vm.bad_name"), name);
  });
  test("a name never holds what a path, a host name or a command line would notice", () => {
    fc.assert(fc.property(fc.string(), (text) => !isVmName(text) || /^[a-z0-9-]+$/.test(text)));
  });
});

describe("published ports", () => {
  test("the address is loopback unless given", () => {
    assert.deepEqual(parsePortMapping("8080:80"), { hostAddress: "127.0.0.1", hostPort: 8080, guestPort: 80 });
    assert.deepEqual(parsePortMapping("0.0.0.0:0:80"), { hostAddress: "0.0.0.0", hostPort: 0, guestPort: 80 });
  });
  test("anything else is refused", () => {
    for (const text of ["", "80", "80:", ":80", "70000:80", "80:0", "80:70000", "300.1.1.1:80:80", "a:b", "1:2:3"])
      assert.throws(() => parsePortMapping(text), fails("vm.bad_spec"), text);
  });
});

test("root's banger lives where an unprivileged user can reach it; BANGER_HOME moves all of it", () => {
  assert.equal(resolvePaths({ uid: 0, home: "/root", env: {} }).vmsDir, "/var/lib/banger/vms");
  assert.equal(resolvePaths({ uid: 1000, home: "/home/u", env: {} }).socket, "/home/u/.local/share/banger/run/bangerd.sock");
  const moved = resolvePaths({ uid: 0, home: "/root", env: { BANGER_HOME: "/x" } });
  for (const path of Object.values(moved)) assert.match(path, /^\/x(\/|$)/);
});

test("relative directories: an XDG one is ignored, one of banger's own refused", () => {
  const env = { XDG_DATA_HOME: "data", XDG_STATE_HOME: "/s" };
  const paths = resolvePaths({ uid: 1000, home: "/home/u", env });
  assert.deepEqual([paths.dataDir, paths.stateDir], ["/home/u/.local/share/banger", "/s/banger"]);
  for (const name of ["BANGER_HOME", "BANGER_CONFIG"])
    assert.throws(() => resolvePaths({ uid: 1000, home: "/home/u", env: { [name]: "x" } }), fails("config.invalid"), name);
});
