import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { test } from "node:test";
import type { BootOutcome } from "./boot-probe.ts";
import { raceEmulation } from "./kvm-race.ts";

const up = (agentAfterMs: number): BootOutcome => ({ kind: "up", agentAfterMs });
const down: BootOutcome = { kind: "down", reason: "it panicked" };

/** A boot that ends after some milliseconds, or as `late` when it is called off. */
function boot(ended: string[], name: string, [afterMs, outcome]: readonly [number, BootOutcome]) {
  return async (signal: AbortSignal): Promise<BootOutcome> => {
    const seen = await delay(afterMs, outcome, { signal }).catch((): BootOutcome => ({ kind: "late", deadlineMs: afterMs }));
    ended.push(`${name} ${seen.kind}`);
    return seen;
  };
}

const NEVER = 60_000;

for (const { what, kvm, emulation, outcome, boots } of [
  { what: "early: nothing is emulated", kvm: [0, up(1)], emulation: [0, up(1)], outcome: up(1), boots: ["kvm up"] },
  { what: "dead early", kvm: [0, down], emulation: [0, up(1)], outcome: down, boots: ["kvm down"] },
  {
    what: "late, and emulation is up before",
    kvm: [NEVER, up(1)],
    emulation: [0, up(7)],
    outcome: { kind: "outrun", byMs: 7 },
    boots: ["emulation up", "kvm late"],
  },
  {
    what: "late, and emulation later still",
    kvm: [200, up(200)],
    emulation: [NEVER, up(1)],
    outcome: up(200),
    boots: ["kvm up", "emulation late"],
  },
  {
    what: "late, and emulation does not get there",
    kvm: [300, up(300)],
    emulation: [0, down],
    outcome: up(300),
    boots: ["emulation down", "kvm up"],
  },
  { what: "late and dead", kvm: [200, down], emulation: [NEVER, up(1)], outcome: down, boots: ["kvm down", "emulation late"] },
] as const) {
  test(`KVM that is ${what}; both boots have ended`, async () => {
    const ended: string[] = [];
    const race = { kvm: boot(ended, "kvm", kvm), emulation: boot(ended, "emulation", emulation), headStartMs: 50 };
    assert.deepEqual(await raceEmulation(race), outcome);
    assert.deepEqual(ended, boots);
  });
}
