// The runner, for whatever registry: parses, sets up, runs, reports.
import { writeFile } from "node:fs/promises";
import { freemem } from "node:os";
import { ownerOf } from "../../scripts/leftovers.ts";
import { capabilitiesOf } from "./capabilities.ts";
import { contextOf } from "./context.ts";
import { makeRepository, setUp, type Fixtures } from "./fixtures.ts";
import { HELP, parseOptions, type Options } from "./options.ts";
import { claimHome } from "./own-home.ts";
import { EXIT, exitStatus, junit, outcomeLine, totals, type Outcome } from "./report.ts";
import { runScenarios } from "./run.ts";
import type { Scenario } from "./scenario.ts";
import { poolSize } from "./schedule.ts";
import { UsageError } from "./select.ts";
import { removeHome, sweep, type Sweeping } from "./sweep.ts";
import { openView } from "./view.ts";

export interface Program {
  readonly scenarios: readonly Scenario[];
  /** As in `Run`. */
  readonly graceMs?: number;
}

/** The whole program: takes the process's arguments and ends it. */
export function runProgramOf(program: Program): void {
  // What ends without an answer has not passed.
  process.exitCode = EXIT.failed;
  forgetUsersGit(process.env);
  main(process.argv.slice(2), program).then(
    (status) => process.exit(status),
    (error: unknown) => {
      console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
      process.exit(error instanceof UsageError ? EXIT.usage : EXIT.failed);
    },
  );
}

async function main(argv: readonly string[], program: Program): Promise<number> {
  const uid = process.getuid?.() ?? 0;
  const options = parseOptions(argv, program.scenarios, uid);
  if (options.action === "help") return print(HELP);
  if (options.action === "list") return print(program.scenarios.map(listLine).join(""));
  // With --json standard output holds the outcomes and nothing else.
  const stream = options.json ? process.stderr : process.stdout;
  const say = (line: string) => void stream.write(`${line}\n`);
  const owner = await ownerOf(uid);
  if (options.action === "run") return runChosen(options, { ...program, owner, stream, say });
  await removeHome(options.home, { owner, say });
  return EXIT.passed;
}

interface Surroundings extends Program, Sweeping {
  /** Takes what is shown of the run. */
  readonly stream: NodeJS.WriteStream;
}

async function runChosen(options: Options, surroundings: Surroundings): Promise<number> {
  const { owner, say } = surroundings;
  const interrupted = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.once(signal, () => interrupted.abort(new Error(`ended by ${signal}`)));
  using _claim = await claimHome(options.home, owner);
  const { signal } = interrupted;
  const fixtures = await setUp({ home: options.home, build: options.build, uid: owner.uid, env: process.env, log: say, signal });
  const outcomes = await runAll(options, { ...surroundings, fixtures, signal });
  if (options.junit !== undefined) await writeFile(options.junit, junit(outcomes));
  if (options.json) print(`${JSON.stringify(outcomes, null, 2)}\n`);
  for (const outcome of outcomes.filter((each) => each.result !== "PASS")) say(outcomeLine(outcome));
  say(totals(outcomes));
  if (options.keep) say(`kept: BANGER_HOME=${options.home} ${fixtures.banger.program} vm list; --clean ends and removes it`);
  else await sweep(options.home, { owner, say });
  return interrupted.signal.aborted ? EXIT.failed : exitStatus(outcomes, options.isExplicit);
}

interface Run extends Surroundings {
  readonly fixtures: Fixtures;
  readonly signal: AbortSignal;
}

async function runAll(options: Options, { fixtures, stream, owner, say, ...run }: Run): Promise<Outcome[]> {
  const { selected, repeat, keep } = options;
  // A cgroup may give less than the machine has.
  const { jobs, why } = poolSize(options.jobs, Math.min(process.availableMemory(), freemem()));
  if (why !== undefined) say(`smoke: --jobs ${options.jobs}, but ${why}`);
  const redraws = jobs > 1 && stream.isTTY && process.env["TERM"] !== "dumb" && stream.columns > 0 && stream.rows > 0;
  const view = openView({ stream, redraws }, selected.length * repeat);
  try {
    return await runScenarios({
      ...{ ...run, scenarios: selected, jobs, repeat, logs: fixtures.logs, view },
      able: await capabilitiesOf(fixtures.banger, owner.uid),
      beginRound: () => makeRepository(fixtures.repository),
      openContext: (scenario, needs) => contextOf({ ...needs, fixtures, scenario, keep }),
      print: say,
    });
  } finally {
    view.close();
  }
}

/** Scenarios run git by themselves, and the user's settings are not what they are about. */
function forgetUsersGit(env: NodeJS.ProcessEnv): void {
  for (const name of Object.keys(env)) if (name.startsWith("GIT_")) delete env[name];
  env["GIT_CONFIG_GLOBAL"] = "/dev/null";
  env["GIT_CONFIG_NOSYSTEM"] = "1";
}

function listLine({ name, class: kind, description }: Scenario): string {
  return `${name.padEnd(28)} ${kind.padEnd(8)} ${description}\n`;
}

function print(text: string): number {
  process.stdout.write(text);
  return EXIT.passed;
}
