import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { connectGuest } from "../guest/client.ts";
import { probeBoot, readVerdict, rememberVerdict, type VerdictKey } from "./boot-probe.ts";
import { createDriver } from "./qemu/driver-under-test.ts";
import { NO_BOOT_FILES, testBootFiles } from "./test-boot.ts";

const key: VerdictKey = { hostBootId: "boot-1", driver: "qemu", vmmVersion: "7.2.22", kernelRelease: "6.1.0", accelerator: "kvm", uid: 0 };
const boot = testBootFiles();
let directory = "";

before(async () => void (directory = await mkdtemp(join(tmpdir(), "banger-probe-"))));
after(() => rm(directory, { recursive: true, force: true }));

describe("the memory of test boots", () => {
  it("holds for one host boot, kernel, VMM and user", async () => {
    const file = join(directory, "accelerator.json");
    assert.equal(await readVerdict(file, key), undefined);
    await rememberVerdict(file, key, { works: true, agentAfterMs: 300 });
    await rememberVerdict(file, { ...key, accelerator: "tcg" }, { works: false, reason: "slow" });
    assert.deepEqual(await readVerdict(file, key), { works: true, agentAfterMs: 300 });
    assert.deepEqual(await readVerdict(file, { ...key, accelerator: "tcg" }), { works: false, reason: "slow" });
    for (const other of [{ hostBootId: "boot-2" }, { vmmVersion: "8" }, { kernelRelease: "6.2" }, { uid: 1 }]) {
      assert.equal(await readVerdict(file, { ...key, ...other }), undefined);
    }
  });

  it("forgets earlier host boots, and what is damaged", async () => {
    const file = join(directory, "old.json");
    await rememberVerdict(file, key, { works: true, agentAfterMs: 300 });
    await rememberVerdict(file, { ...key, hostBootId: "boot-2" }, { works: true, agentAfterMs: 400 });
    assert.equal(await readVerdict(file, key), undefined);
    await writeFile(file, '{"hostBootId": "boot-2", "verd');
    assert.equal(await readVerdict(file, { ...key, hostBootId: "boot-2" }), undefined);
  });
});

describe("a test boot", { timeout: 180_000 }, () => {
  const skip = boot === undefined ? NO_BOOT_FILES : false;
  const probe = async (deadlineMs: number) => {
    if (boot === undefined) throw new Error(NO_BOOT_FILES);
    const deps = { connectGuest, scratchDir: directory, runAs: null, randomHex: (bytes: number) => "ab".repeat(bytes) };
    return probeBoot(deps, { driver: createDriver(), accelerator: "tcg", boot, deadlineMs });
  };

  it("is timed to the agent's first word", { skip }, async () => {
    const verdict = await probe(90_000);
    assert.ok(verdict.works && verdict.agentAfterMs > 0, JSON.stringify(verdict));
  });

  it("that does not come in time is an answer, and leaves nothing", { skip }, async () => {
    assert.deepEqual(await probe(600), { works: false, reason: "a test boot did not finish in 0.6 s" });
    assert.deepEqual(
      (await readdir(directory)).filter((name) => name.startsWith("probe-")),
      [],
    );
  });
});
