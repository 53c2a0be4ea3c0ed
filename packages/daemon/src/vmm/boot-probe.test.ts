import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { BangerError } from "@banger/api";
import { connectGuest } from "../guest/client.ts";
import { probeBoot, type ProbeSpec } from "./boot-probe.ts";
import type { VmmDriver, VmmProcess } from "./contract.ts";
import { createDriver } from "./qemu/driver-under-test.ts";
import { NO_BOOT_FILES, testBootFiles } from "./test-boot.ts";

const boot = testBootFiles();
const nobody: VmmProcess["vmm"] = { pid: 2 ** 22 + 1, startTicks: "0", bootId: "none" };
let directory = "";

before(async () => void (directory = await mkdtemp(join(tmpdir(), "banger-probe-"))));
after(() => rm(directory, { recursive: true, force: true }));

const tryBoot = (spec: ProbeSpec) =>
  probeBoot({ connectGuest, scratchDir: directory, runAs: null, randomHex: (bytes) => "ab".repeat(bytes) }, spec);

it("a host that does not start the VMM is told from a guest that does not live", async () => {
  const nowhere = { bzImage: "", vmlinux: "", initramfs: "" };
  const real = createDriver();
  const failing = (start: VmmDriver["start"]): VmmDriver => ({
    ...{ name: "qemu", features: real.features, start, find: async () => null, wait: async () => ({ status: 1, signal: null }) },
    ...{ version: async () => "1", end: async () => {} },
    connect: async () => {
      throw new BangerError("api.version_skew", "another agent\nindeed");
    },
  });
  const outcomeOf = (driver: VmmDriver) => tryBoot({ driver, accelerator: "kvm", boot: nowhere, deadlineMs: 10_000 });
  const notThere = failing(async () => {
    throw new BangerError("host.command_missing", "bwrap is not installed");
  });
  assert.deepEqual(await outcomeOf(notThere), { kind: "not_started", reason: "bwrap is not installed" });
  const starting = failing(async ({ vmDir, accelerator }) => ({ driver: "qemu", vmDir, accelerator, vmm: nobody, jail: nobody }));
  assert.deepEqual(await outcomeOf(starting), { kind: "down", reason: "another agent" });
});

describe("a test boot", { timeout: 180_000 }, () => {
  const skip = boot === undefined ? NO_BOOT_FILES : false;
  const probe = async (deadlineMs: number) => {
    if (boot === undefined) throw new Error(NO_BOOT_FILES);
    return tryBoot({ driver: createDriver(), accelerator: "tcg", boot, deadlineMs });
  };

  it("is timed to the agent's first word", { skip }, async () => {
    const outcome = await probe(90_000);
    assert.ok(outcome.kind === "up" && outcome.agentAfterMs > 0, JSON.stringify(outcome));
  });

  it("that does not come in time is an answer, and leaves nothing", { skip }, async () => {
    assert.deepEqual(await probe(600), { kind: "late", deadlineMs: 600 });
    assert.deepEqual(
      (await readdir(directory)).filter((name) => name.startsWith("probe-")),
      [],
    );
  });
});
