// What is set aside for a full disk: alone, and on a real file system with nothing left.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { Reserve, RESERVE_BYTES, RESERVE_STEP_BYTES } from "./reserve.ts";

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "banger-reserve-"));
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

const NO_SPACE = Object.assign(new Error("database or disk is full"), { code: "ERR_SQLITE_ERROR", errcode: 13 });
const reserveOf = (freeBytes: number) =>
  new Reserve({ dataDir, randomBytes, report: assert.ifError, freeBytes: () => Promise.resolve(freeBytes) });

/** Fails `times` times for want of space. */
function failing(times: number): () => string {
  let left = times;
  return () => {
    if (left === 0) return "written";
    left -= 1;
    throw NO_SPACE;
  };
}

describe("the reserve", () => {
  test("is made of real blocks, once, and where there is room to spare", async () => {
    await reserveOf(1024).refill();
    await assert.rejects(stat(reserveOf(0).file), { code: "ENOENT" });
    await Promise.all([reserveOf(2 ** 40).refill(), reserveOf(2 ** 40).refill()]);
    const reserve = reserveOf(2 ** 40);
    await reserve.refill();
    assert.ok((await stat(reserve.file)).blocks * 512 >= RESERVE_BYTES);
  });

  test("is given back a step at a time, no more than it takes", async () => {
    const reserve = reserveOf(2 ** 40);
    await reserve.refill();
    const scarce = reserveOf(0);
    assert.equal(scarce.spend(failing(3)), "written");
    assert.equal((await stat(reserve.file)).size, RESERVE_BYTES - 3 * RESERVE_STEP_BYTES);
    assert.throws(() => scarce.spend(failing(1000)), { code: "host.disk_full", message: /^\S+( little)? space is left in .+ free\)$/ });
    assert.equal((await stat(reserve.file)).size, 0);
    await reserve.refill();
    assert.equal((await stat(reserve.file)).size, RESERVE_BYTES);
  });

  test("is not touched for what may wait, nor for other failures", async () => {
    const reserve = reserveOf(2 ** 40);
    await reserve.refill();
    assert.throws(() => reserve.spare(failing(1)), { code: "host.disk_full", hint: "banger vm list, then banger vm delete NAME" });
    assert.throws(() => reserve.spend(() => assert.fail("locked")), /locked/);
    assert.equal((await stat(reserve.file)).size, RESERVE_BYTES);
  });

  test("with nothing left, ends are written down, beginnings are not, and a new daemon starts", (t) => {
    const support = JSON.stringify(import.meta.resolve("./full-disk.test-support.ts"));
    const part = (name: string) => `import(${support}).then((parts) => parts.${name}(${JSON.stringify(dataDir)}))`;
    const script = 'mount -t tmpfs -o size=4m none "$1" && { "$2" -e "$3"; "$2" -e "$4"; }';
    const { stdout, stderr, status } = spawnSync(
      "unshare",
      [
        ...["--user", "--map-root-user", "--mount", "--", "sh", "-c", script, "sh", dataDir],
        ...[process.execPath, part("fillUnderDaemon"), part("startOnFullDisk")],
      ],
      { encoding: "utf8" },
    );
    if (/unshare|mount:/.test(stderr)) return t.skip(`no user namespace with a mount of its own: ${stderr.trim()}`);
    assert.equal(status, 0, stderr);
    const said = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as object);
    assert.deepEqual(said, [
      { freeBytes: 0, begun: "host.disk_full", left: 5, spent: true },
      { freeBytes: 0, hasLock: true, found: ["vm15", "vm16", "vm17", "vm18", "vm19"], left: [] },
    ]);
  });
});
