// The smoke runner: `node main.ts --help`.
import { writeFile } from "node:fs/promises";
import { freemem } from "node:os";
import { dirname, resolve } from "node:path";
import { parseArgs } from "node:util";
import { capabilitiesOf } from "./capabilities.ts";
import { contextOf } from "./context.ts";
import { setUp, smokeHome, type Fixtures } from "./fixtures.ts";
import { cleanUp } from "./own-state.ts";
import { scenarios } from "./registry.ts";
import { EXIT, exitStatus, junit, outcomeLine, totals, type Outcome } from "./report.ts";
import { runScenarios } from "./run.ts";
import type { Scenario } from "./scenario.ts";
import { poolSize } from "./schedule.ts";
import { selectScenarios, UsageError } from "./select.ts";
import { openView } from "./view.ts";

const HELP = `Runs scenarios on real VMs, with a state directory of its own.

  --list               names, classes, descriptions; nothing is built or booted
  --scenario NAME,...  just these
  --jobs N             at most N at once (1: each one's output is shown as it runs)
  --repeat N           all of it N times
  --keep               leave the VMs for a look (end them with --clean)
  --clean              end and remove what earlier runs left, nothing else
  --json, --junit FILE machine-readable results
  --build DIR          the build to test; default: the one this runner came with
  --state DIR          where the state lives; default: /var/tmp/banger-smoke-UID
  -h, --help

Exit status: 0 all passed, 1 something failed, 2 usage, 77 a named scenario cannot run here.
`;
/** A VM's memory and its VMM's own. */
const VM_BYTES = 1.5 * 1024 ** 3;

interface Options {
  readonly names: readonly string[] | undefined;
  readonly jobs: number;
  readonly repeat: number;
  readonly keep: boolean;
  readonly build: string;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      list: { type: "boolean" },
      scenario: { type: "string" },
      jobs: { type: "string" },
      repeat: { type: "string" },
      keep: { type: "boolean" },
      clean: { type: "boolean" },
      json: { type: "boolean" },
      junit: { type: "string" },
      build: { type: "string" },
      state: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help === true) return print(HELP);
  if (values.list === true)
    return print(scenarios.map((each) => `${each.name.padEnd(28)} ${each.class.padEnd(8)} ${each.description}\n`).join(""));
  const options: Options = {
    names: values.scenario?.split(",").filter((name) => name !== ""),
    jobs: wholeNumber("--jobs", values.jobs ?? "1"),
    repeat: wholeNumber("--repeat", values.repeat ?? "1"),
    keep: values.keep === true,
    build: values.build ?? dirname(import.meta.dirname),
  };
  const selected = selectScenarios(scenarios, options.names);
  const interrupted = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.once(signal, () => interrupted.abort(new Error(`ended by ${signal}`)));
  const uid = process.getuid?.() ?? 0;
  const fixtures = await setUp({
    home: values.state === undefined ? smokeHome(uid) : resolve(values.state),
    build: options.build,
    uid,
    env: process.env,
    log: (line) => console.log(line),
    signal: interrupted.signal,
  });
  if (values.clean === true) return EXIT.passed;
  const outcomes = await runAll(selected, options, { fixtures, signal: interrupted.signal });
  if (values.junit !== undefined) await writeFile(values.junit, junit(outcomes));
  if (values.json === true) console.log(JSON.stringify(outcomes, null, 2));
  else for (const outcome of outcomes.filter((each) => each.result !== "PASS")) console.log(outcomeLine(outcome));
  console.log(totals(outcomes));
  if (!options.keep) await cleanUp(fixtures.banger);
  return interrupted.signal.aborted ? EXIT.failed : exitStatus(outcomes, options.names !== undefined);
}

interface Run {
  readonly fixtures: Fixtures;
  readonly signal: AbortSignal;
}

async function runAll(selected: readonly Scenario[], options: Options, { fixtures, signal }: Run): Promise<Outcome[]> {
  const jobs = poolSize(options.jobs, freemem(), VM_BYTES);
  const { stdout } = process;
  const redraws = jobs > 1 && stdout.isTTY && process.env["TERM"] !== "dumb" && stdout.columns > 0 && stdout.rows > 0;
  const view = openView({ stream: stdout, redraws }, selected.length * options.repeat);
  try {
    return await runScenarios({
      ...{ scenarios: selected, jobs, repeat: options.repeat, signal, logs: fixtures.logs, view },
      able: await capabilitiesOf(fixtures.banger, process.getuid?.() ?? 0),
      openContext: (scenario, log) => contextOf({ fixtures, scenario, signal, log, keep: options.keep }),
      print: (line) => console.log(line),
    });
  } finally {
    view.close();
  }
}

function wholeNumber(flag: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new UsageError(`${flag} takes a whole number from 1, not ${JSON.stringify(text)}`);
  return value;
}

function print(text: string): number {
  process.stdout.write(text);
  return EXIT.passed;
}

main().then(
  (status) => process.exit(status),
  (error: unknown) => {
    const isUsage = error instanceof UsageError || (error instanceof TypeError && "code" in error);
    console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(isUsage ? EXIT.usage : EXIT.failed);
  },
);
