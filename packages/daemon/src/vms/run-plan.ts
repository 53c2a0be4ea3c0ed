// Carries out a plan. A start ends at its first failure, and is undone; what undoes runs on, so that one thing that is broken
// keeps nothing else on the host, and tells all that failed at its end.
import { BangerError } from "@banger/api";
import { isBarred, type Goal, type Step } from "./plan.ts";
import type { StepContext, Steps } from "./steps.ts";

export interface PlannedRun {
  readonly goal: Goal;
  readonly plan: readonly Step[];
  readonly steps: Steps;
  readonly context: StepContext;
}

/** Throws the step's error, or all in one; `daemon.stopping` as soon as the daemon leaves. */
export async function runPlan({ goal, plan, steps, context }: PlannedRun): Promise<void> {
  const failures = new Map<Step, unknown>();
  for (const step of plan) {
    context.supervisors.throwIfLeft();
    if (goal === "running") context.operation.signal.throwIfAborted();
    if (isBarred(step, failures)) continue;
    try {
      await steps[step](context);
    } catch (error) {
      if (goal === "running") throw error;
      failures.set(step, error);
    }
  }
  if (failures.size === 0) return;
  context.supervisors.throwIfLeft();
  throw joined([...failures.values()]);
}

/** The first with what the others say. */
function joined(errors: readonly unknown[]): unknown {
  const [first] = errors;
  if (errors.length === 1) return first;
  const message = errors.map((error) => (error instanceof Error ? error.message : String(error))).join("; and ");
  const cause = new AggregateError(errors, message);
  if (!(first instanceof BangerError)) return cause;
  const { code, hint, details } = first;
  return new BangerError(code, message, { ...(hint === undefined ? {} : { hint }), ...(details === undefined ? {} : { details }), cause });
}
