import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { holds, readBoot, rememberBoot, verdictOf, type BootKey, type RememberedBoot } from "./boot-memory.ts";
import type { BootOutcome } from "./boot-probe.ts";

const key: BootKey = { hostBootId: "boot-1", driver: "qemu", vmmVersion: "7.2.22", kernelRelease: "6.1.0", accelerator: "kvm", uid: 0 };
const fast: RememberedBoot = { outcome: { kind: "up", agentAfterMs: 300 }, at: 1000 };
const late: RememberedBoot = { outcome: { kind: "late", deadlineMs: 5000 }, at: 2000 };
const MINUTE_MS = 60_000;
let directory = "";

before(async () => void (directory = await mkdtemp(join(tmpdir(), "banger-memory-"))));
after(() => rm(directory, { recursive: true, force: true }));

describe("the memory of test boots", () => {
  it("holds for one host boot, kernel, VMM and user", async () => {
    const file = join(directory, "accelerator.json");
    assert.equal(await readBoot(file, key), undefined);
    await rememberBoot(file, key, fast);
    await rememberBoot(file, { ...key, accelerator: "tcg" }, late);
    assert.deepEqual([await readBoot(file, key), await readBoot(file, { ...key, accelerator: "tcg" })], [fast, late]);
    for (const other of [{ hostBootId: "boot-2" }, { vmmVersion: "8" }, { kernelRelease: "6.2" }, { uid: 1 }]) {
      assert.equal(await readBoot(file, { ...key, ...other }), undefined);
    }
  });

  it("forgets earlier host boots, and what is damaged or of another banger", async () => {
    const file = join(directory, "old.json");
    await rememberBoot(file, key, fast);
    await rememberBoot(file, { ...key, hostBootId: "boot-2" }, fast);
    assert.equal(await readBoot(file, key), undefined);
    for (const text of ['{"hostBootId": "boot-2", "boo', '{"hostBootId": "boot-2", "verdicts": {}}']) {
      await writeFile(file, text);
      assert.equal(await readBoot(file, { ...key, hostBootId: "boot-2" }), undefined);
    }
  });

  it("has no place for a VMM that was not even started", async () => {
    const file = join(directory, "not-started.json");
    await rememberBoot(file, key, { outcome: { kind: "not_started", reason: "bwrap is not installed" }, at: 1000 });
    assert.equal(await readBoot(file, key), undefined);
  });
});

describe("a remembered boot", () => {
  it("holds as long as the host runs when it was fast enough, and for minutes when it was not", () => {
    const slow: RememberedBoot = { outcome: { kind: "up", agentAfterMs: 7000 }, at: 1000 };
    const down: RememberedBoot = { outcome: { kind: "down", reason: "it panicked" }, at: 1000 };
    assert.equal(holds(fast, 5000, 1e12), true);
    assert.equal(holds(slow, 30_000, 1e12), true);
    for (const boot of [slow, late, down]) {
      assert.equal(holds(boot, 5000, 2000 + MINUTE_MS), true);
      assert.equal(holds(boot, 5000, 2000 + 60 * MINUTE_MS), false);
      assert.equal(holds(boot, 5000, 0), false, "a clock that was put back");
    }
  });

  it("that was late says nothing to one who would wait longer", () => {
    assert.equal(holds(late, 30_000, 3000), false);
    assert.equal(holds({ ...late, outcome: { kind: "late", deadlineMs: 30_000 } }, 5000, 3000), true);
  });

  it("is judged by how long one would wait", () => {
    const took = (agentAfterMs: number): BootOutcome => ({ kind: "up", agentAfterMs });
    assert.deepEqual(verdictOf(took(7250), 30_000), { works: true, agentAfterMs: 7250 });
    assert.deepEqual(verdictOf(took(7250), 5000), { works: false, reason: "a test boot took 7.3 s, more than 5 s" });
    assert.deepEqual(verdictOf({ kind: "late", deadlineMs: 600 }, 5000), { works: false, reason: "a test boot did not finish in 0.6 s" });
    assert.deepEqual(verdictOf({ kind: "down", reason: "it panicked" }, 5000), { works: false, reason: "a test boot failed: it panicked" });
  });
});
