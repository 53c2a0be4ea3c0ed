import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it, test } from "node:test";
import { readBoot, rememberBoot, verdictOf, type BootKey } from "./boot-memory.ts";
import type { BootOutcome } from "./boot-probe.ts";

const key: BootKey = { hostBootId: "boot-1", driver: "qemu", vmmVersion: "7.2.22", kernelRelease: "6.1.0", accelerator: "kvm", uid: 0 };
const fast: BootOutcome = { kind: "up", agentAfterMs: 300 };
const outrun: BootOutcome = { kind: "outrun", byMs: 2500 };
let directory = "";

before(async () => void (directory = await mkdtemp(join(tmpdir(), "banger-memory-"))));
after(() => rm(directory, { recursive: true, force: true }));

describe("the memory of test boots", () => {
  it("holds for one host boot, kernel, VMM and user", async () => {
    const file = join(directory, "accelerator.json");
    assert.equal(await readBoot(file, key), undefined);
    await rememberBoot(file, key, fast);
    await rememberBoot(file, { ...key, accelerator: "tcg" }, outrun);
    assert.deepEqual([await readBoot(file, key), await readBoot(file, { ...key, accelerator: "tcg" })], [fast, outrun]);
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
    await rememberBoot(file, key, { kind: "not_started", reason: "bwrap is not installed" });
    assert.equal(await readBoot(file, key), undefined);
  });
});

test("a boot that was outrun says so of the accelerator, not of the VMM", () => {
  assert.deepEqual(verdictOf({ kind: "up", agentAfterMs: 7250 }), { works: true, agentAfterMs: 7250 });
  assert.deepEqual(verdictOf(outrun), { works: false, isOutrun: true, reason: "a test boot took longer than an emulated one (2.5 s)" });
  assert.deepEqual(verdictOf({ kind: "late", deadlineMs: 30_000 }), { works: false, reason: "a test boot did not finish in 30 s" });
  assert.deepEqual(verdictOf({ kind: "down", reason: "it panicked" }), { works: false, reason: "a test boot failed: it panicked" });
});
