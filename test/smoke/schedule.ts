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

/** Scenarios boot up to two VMs of 1 GiB at a time; the rest is for what runs them. */
const JOB_GIB = 3;
const MOST_JOBS = 8;

export interface PoolSize {
  readonly jobs: number;
  /** What made it smaller than asked. */
  readonly why?: string;
}

/** How many scenarios may run at once: what was asked, as far as memory goes. */
export function poolSize(asked: number, availableBytes: number): PoolSize {
  const availableGib = availableBytes / 1024 ** 3;
  const held = Math.max(1, Math.floor(availableGib / JOB_GIB));
  if (held < Math.min(asked, MOST_JOBS))
    return { jobs: held, why: `memory for ${held} at once: ${availableGib.toFixed(1)} GiB are available` };
  return asked > MOST_JOBS ? { jobs: MOST_JOBS, why: `never more than ${MOST_JOBS} at once` } : { jobs: asked };
}

async function work(queue: (() => Promise<void>)[]): Promise<void> {
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) await next();
}

async function inTurn(scenarios: readonly Scenario[], runOne: RunOne): Promise<void> {
  for (const scenario of scenarios) await runOne(scenario);
}
