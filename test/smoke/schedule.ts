// The order of a run: pure scenarios fan out over the pool, the repodir chain is one worker's job in registry order, global
// ones come last, one at a time.
import type { Scenario } from "./scenario.ts";

export type RunOne = (scenario: Scenario) => Promise<void>;

/** Runs all; answers when the last has ended. `runOne` never throws. */
export async function runSchedule(scenarios: readonly Scenario[], jobs: number, runOne: RunOne): Promise<void> {
  const chain = scenarios.filter((scenario) => scenario.class === "repodir");
  const queue: (() => Promise<void>)[] = scenarios
    .filter((scenario) => scenario.class === "pure")
    .map((scenario) => () => runOne(scenario));
  if (chain.length > 0) queue.unshift(() => inTurn(chain, runOne));
  await Promise.all(Array.from({ length: Math.max(1, jobs) }, () => work(queue)));
  await inTurn(
    scenarios.filter((scenario) => scenario.class === "global"),
    runOne,
  );
}

/** How many VMs may run at once: what was asked, at most 8, and what memory allows at `perVmBytes` each. */
export function poolSize(asked: number, availableBytes: number, perVmBytes: number): number {
  return Math.max(1, Math.min(asked, 8, Math.floor(availableBytes / perVmBytes)));
}

async function work(queue: (() => Promise<void>)[]): Promise<void> {
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) await next();
}

async function inTurn(scenarios: readonly Scenario[], runOne: RunOne): Promise<void> {
  for (const scenario of scenarios) await runOne(scenario);
}
