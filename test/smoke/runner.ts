// The runner, for whatever registry: parses, sets up, runs, reports.
import { writeFile } from "node:fs/promises";
import { freemem } from "node:os";
import { ownerOf } from "../../scripts/leftovers.ts";
import { capabilitiesOf } from "./capabilities.ts";
import { contextOf } from "./context.ts";
import { setUp, type Fixtures } from "./fixtures.ts";
import { HELP, parseOptions, type Options } from "./options.ts";
import { claimHome } from "./own-home.ts";
import { EXIT, exitStatus, junit, outcomeLine, totals, type Outcome } from "./report.ts";
import { runScenarios } from "./run.ts";
import type { Scenario } from "./scenario.ts";
import { poolSize } from "./schedule.ts";
import { UsageError } from "./select.ts";
import { removeHome, sweep } from "./sweep.ts";
import { openView } from "./view.ts";

/** A VM's memory and its VMM's own. */
const VM_BYTES = 1.5 * 1024 ** 3;

export interface Program {
  readonly scenarios: readonly Scenario[];
  /** As in `Run`. */
  readonly graceMs?: number;
}

/** The whole program: takes the process's arguments and ends it. */
export function runProgramOf(program: Program): void {
  // What ends without an answer has not passed.
  process.exitCode = EXIT.failed;
  main(process.argv.slice(2), program).then(
    (status) => process.exit(status),
    (error: unknown) => {
      console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
      process.exit(error instanceof UsageError ? EXIT.usage : EXIT.failed);
    },
  );
}

async function main(argv: readonly string[], { scenarios, ...settings }: Program): Promise<number> {
  const uid = process.getuid?.() ?? 0;
  const options = parseOptions(argv, scenarios, uid);
  if (options.action === "help") return print(HELP);
  if (options.action === "list") return print(scenarios.map(listLine).join(""));
  const sweeping = { owner: await ownerOf(uid), say: (line: string) => console.log(line) };
  if (options.action === "clean") {
    await removeHome(options.home, sweeping);
    return EXIT.passed;
  }
  const interrupted = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.once(signal, () => interrupted.abort(new Error(`ended by ${signal}`)));
  using _claim = await claimHome(options.home, sweeping.owner);
  const fixtures = await setUp({
    home: options.home,
    build: options.build,
    uid,
    env: process.env,
    log: (line) => console.log(line),
    signal: interrupted.signal,
  });
  const outcomes = await runAll(options, { ...settings, fixtures, signal: interrupted.signal });
  if (options.junit !== undefined) await writeFile(options.junit, junit(outcomes));
  if (options.json) console.log(JSON.stringify(outcomes, null, 2));
  else for (const outcome of outcomes.filter((each) => each.result !== "PASS")) console.log(outcomeLine(outcome));
  console.log(totals(outcomes));
  if (!options.keep) await sweep(options.home, sweeping);
  return interrupted.signal.aborted ? EXIT.failed : exitStatus(outcomes, options.isExplicit);
}

interface Run extends Omit<Program, "scenarios"> {
  readonly fixtures: Fixtures;
  readonly signal: AbortSignal;
}

async function runAll(options: Options, { fixtures, ...run }: Run): Promise<Outcome[]> {
  const { selected, repeat, keep } = options;
  const jobs = poolSize(options.jobs, freemem(), VM_BYTES);
  const { stdout } = process;
  const redraws = jobs > 1 && stdout.isTTY && process.env["TERM"] !== "dumb" && stdout.columns > 0 && stdout.rows > 0;
  const view = openView({ stream: stdout, redraws }, selected.length * repeat);
  try {
    return await runScenarios({
      ...{ ...run, scenarios: selected, jobs, repeat, logs: fixtures.logs, view },
      able: await capabilitiesOf(fixtures.banger, process.getuid?.() ?? 0),
      openContext: (scenario, needs) => contextOf({ ...needs, fixtures, scenario, keep }),
      print: (line) => console.log(line),
    });
  } finally {
    view.close();
  }
}

function listLine({ name, class: kind, description }: Scenario): string {
  return `${name.padEnd(28)} ${kind.padEnd(8)} ${description}\n`;
}

function print(text: string): number {
  process.stdout.write(text);
  return EXIT.passed;
}
