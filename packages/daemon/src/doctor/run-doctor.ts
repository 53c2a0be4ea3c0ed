// Runs all checks at once and reports them in their order, each as a stage.
import { BangerError, type CheckResult, type DoctorReport, type ProgressSink } from "@banger/api";
import { CHECKS } from "./checks.ts";
import type { Check } from "./contract.ts";
import type { DoctorDeps } from "./deps.ts";

/** Throws only when `signal` aborts. */
export function runDoctor(deps: DoctorDeps, signal: AbortSignal, progress: ProgressSink): Promise<DoctorReport> {
  return runChecks({ checks: CHECKS, deps, signal, progress });
}

interface Round<Deps> {
  readonly checks: readonly Check<Deps>[];
  readonly deps: Deps;
  readonly signal: AbortSignal;
  readonly progress: ProgressSink;
}

export async function runChecks<Deps>({ checks, deps, signal, progress }: Round<Deps>): Promise<DoctorReport> {
  signal.throwIfAborted();
  const began = performance.now();
  const sinceBegan = () => Math.round(performance.now() - began);
  const running = checks.map((check) => runCheck(check, deps, signal));
  const results: CheckResult[] = [];
  for (const [index, check] of checks.entries()) {
    progress({ type: "stage.started", stage: check.id, atMs: sinceBegan() });
    const result = await running[index];
    signal.throwIfAborted();
    if (result === undefined) continue;
    const told = unlessTold(result.check, results);
    results.push(told);
    const facts = { status: told.status, summary: told.summary, ...(told.fix === undefined ? {} : { fix: told.fix }) };
    progress({ type: "stage.finished", stage: check.id, durationMs: result.durationMs, facts, atMs: sinceBegan() });
  }
  const count = (status: CheckResult["status"]) => results.filter((result) => result.status === status).length;
  return { checks: results, problems: count("failed"), warnings: count("warning") };
}

/** What keeps several checks from looking, such as a line of config.toml, is told by the first of them. */
function unlessTold(check: CheckResult, before: readonly CheckResult[]): CheckResult {
  if (check.status !== "failed") return check;
  const same = before.find(({ status, summary }) => status === "failed" && summary === check.summary);
  return same === undefined ? check : { id: check.id, status: "skipped", summary: `not looked at: ${same.id}` };
}

/** Never rejects: a check that breaks is a failed check, and the others still tell what they know. */
async function runCheck<Deps>(
  check: Check<Deps>,
  deps: Deps,
  signal: AbortSignal,
): Promise<{ readonly check: CheckResult; readonly durationMs: number }> {
  const began = performance.now();
  const result = await outcome(check, deps, signal);
  return { check: { id: check.id, ...result }, durationMs: Math.round(performance.now() - began) };
}

async function outcome<Deps>(check: Check<Deps>, deps: Deps, signal: AbortSignal): Promise<Omit<CheckResult, "id">> {
  try {
    return await check.run(deps, signal);
  } catch (error) {
    if (error instanceof BangerError) {
      return {
        status: "failed",
        summary: error.message,
        ...(error.hint === undefined ? {} : { fix: error.hint }),
        details: { code: error.code },
      };
    }
    return {
      status: "failed",
      summary: `the check itself broke: ${String(error)}`,
      details: { stack: error instanceof Error ? error.stack : undefined },
    };
  }
}
