// What one scenario works with: the real banger, names of its own, and the promise that nothing of it stays.
import assert from "node:assert/strict";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { bangerOf } from "./banger.ts";
import type { Fixtures } from "./fixtures.ts";
import { cloneOf } from "./clone.ts";
import type { Scenario, ScenarioContext } from "./scenario.ts";
import { SIZE } from "./vm-size.ts";

export interface ContextOptions {
  readonly fixtures: Fixtures;
  readonly scenario: Scenario;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
  /** Leave the VMs for a look. */
  readonly keep: boolean;
}

export interface OwnedContext extends ScenarioContext, AsyncDisposable {
  /** Writes down what tells why the scenario failed: its VMs go with the context. */
  examine(): Promise<void>;
}

export async function contextOf({ fixtures, scenario, signal, log, keep }: ContextOptions): Promise<OwnedContext> {
  const banger = bangerOf({ ...fixtures.banger, signal, log });
  const directory = join(fixtures.home, "scratch", scenario.name);
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  const names = new Set<string>();
  const name = (suffix?: string) => {
    const made = suffix === undefined ? scenario.name : `${scenario.name}-${suffix}`;
    names.add(made);
    return made;
  };
  // A scenario that was interrupted still has its VMs looked at and deleted.
  const cleaner = bangerOf({ ...fixtures.banger, signal: new AbortController().signal, log });
  const mine = async () => {
    const left = (await cleaner.json("vm", "list")) as readonly { name: string }[];
    return left.map((vm) => vm.name).filter((each) => names.has(each));
  };
  let booted = 0;
  return {
    ...banger,
    scenario: scenario.name,
    signal,
    directory,
    repository: fixtures.repository,
    clone: () => cloneOf(fixtures.repository, join(directory, "clone")),
    log,
    name,
    boot: async (...flags) => {
      booted += 1;
      const made = name(booted === 1 ? undefined : `${booted}`);
      await banger.ok("vm", "run", "--detach", "--name", made, ...SIZE, ...flags);
      return made;
    },
    until: (what, probe, timeoutMs = 60_000) => until(what, probe, timeoutMs),
    examine: async () => {
      try {
        for (const each of await mine()) await cleaner.banger(["vm", "logs", each]);
      } finally {
        await cleaner.banger(["daemon", "logs", "--lines", "60"]);
      }
    },
    [Symbol.asyncDispose]: async () => {
      if (keep) return;
      const left = await mine();
      if (left.length > 0) await cleaner.ok("vm", "delete", "--discard-changes", ...left);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function until<T>(what: string, probe: () => T | undefined | Promise<T | undefined>, timeoutMs: number): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const answer = await probe();
    if (answer !== undefined && answer !== false) return answer;
    assert.ok(performance.now() < deadline, `${what}: not within ${timeoutMs / 1000} s`);
    await delay(100);
  }
}
