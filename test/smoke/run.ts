// Runs scenarios over the pool: each in a context of its own, with a log of its own.
import { createWriteStream } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { OwnedContext } from "./context.ts";
import { Deadline } from "./deadline.ts";
import { failureText } from "./failure-text.ts";
import type { Outcome } from "./report.ts";
import type { Capability, Scenario } from "./scenario.ts";
import { runSchedule } from "./schedule.ts";
import type { RunView } from "./view.ts";

/** For a machine without KVM, with others at work on it. */
const DEADLINE_MS = 15 * 60_000;
const GRACE_MS = 60_000;

export interface ContextNeeds {
  readonly log: (line: string) => void;
  readonly signal: AbortSignal;
}

export interface Run {
  readonly scenarios: readonly Scenario[];
  readonly jobs: number;
  /** How often all of it runs. */
  readonly repeat: number;
  readonly able: ReadonlySet<Capability>;
  /** What rounds share is made anew. */
  readonly beginRound: () => Promise<void>;
  /** Directory of the logs, one a scenario; of several rounds each has one of its own in there. */
  readonly logs: string;
  readonly signal: AbortSignal;
  readonly openContext: (scenario: Scenario, needs: ContextNeeds) => Promise<OwnedContext>;
  /** How long a scenario may take to undo what it did, once it was told to end. Default: a minute. */
  readonly graceMs?: number;
  readonly view: RunView;
  /** Takes what scenarios write as they write it, where only one runs at a time. */
  readonly print: (line: string) => void;
}

/** Answers in the order in which scenarios ended. */
export async function runScenarios(run: Run): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (let round = 1; round <= run.repeat; round += 1) {
    const told = run.repeat === 1 ? {} : { round };
    const logs = run.repeat === 1 ? run.logs : join(run.logs, String(round));
    await mkdir(logs, { recursive: true });
    await run.beginRound();
    await runSchedule(run.scenarios, run.jobs, async (scenario) => {
      const outcome = { ...(await runScenario({ ...run, logs }, scenario)), ...told };
      outcomes.push(outcome);
      const isUnseen = outcome.result === "FAIL" && run.jobs > 1;
      run.view.ended(outcome, isUnseen ? await readFile(logPath(logs, scenario), "utf8") : undefined);
    });
  }
  return outcomes;
}

async function runScenario(run: Run, scenario: Scenario): Promise<Outcome> {
  const missing = scenario.needs.find((need) => !run.able.has(need));
  if (missing !== undefined) return { name: scenario.name, result: "SKIP", seconds: 0, detail: `missing: ${missing}`, missing };
  const isAlone = run.jobs === 1;
  const began = performance.now();
  const file = createWriteStream(logPath(run.logs, scenario));
  const log = (line: string) => {
    file.write(`${line}\n`);
    if (isAlone) run.print(`  ${line}`);
  };
  run.view.began(scenario.name);
  if (isAlone) run.print(`--- ${scenario.name}: ${scenario.description}`);
  const seconds = () => (performance.now() - began) / 1000;
  try {
    run.signal.throwIfAborted();
    using deadline = deadlineOf(run, scenario);
    await using context = await run.openContext(scenario, { log, signal: deadline.signal });
    try {
      await deadline.bound(scenario.run(context));
    } catch (error) {
      await context.examine().catch((problem: unknown) => log(`its VMs could not be examined: ${failureText(problem)}`));
      throw error;
    }
  } catch (error) {
    const detail = failureText(error);
    log(detail);
    return { name: scenario.name, result: "FAIL", seconds: seconds(), detail };
  } finally {
    await new Promise<void>((ended) => file.end(ended));
  }
  return { name: scenario.name, result: "PASS", seconds: seconds() };
}

function deadlineOf({ signal, graceMs = GRACE_MS }: Run, { deadlineMs = DEADLINE_MS }: Scenario): Deadline {
  return new Deadline({ signal, timeoutMs: deadlineMs, graceMs });
}

function logPath(logs: string, scenario: Scenario): string {
  return join(logs, `${scenario.name}.log`);
}
