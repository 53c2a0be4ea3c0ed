// The bench: `node bench/main.ts --help`.
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { describeMachine } from "./machine.ts";
import { rows } from "./registry.ts";
import { SMALL, WHOLE, type RepositorySize } from "./repository.ts";
import { keepResult } from "./results.ts";
import { revisionOf } from "./revision.ts";
import { measureRounds, type RoundsReport } from "./rounds.ts";
import { Unmeasurable, type Row } from "./row.ts";
import { roundsOf, selectRows, UsageError } from "./selection.ts";
import { Stand } from "./stand.ts";
import { scoreText, table } from "./summary.ts";

const HELP = `Measures banger beside the least that could do the same, and prints how they compare.

  --rounds N      every row N times, interleaved; default 5
  --only ROW,...  just these
  --quick         two rounds, without the long rows
  --small         rows that copy a repository copy a tenth of it; to try them: keeps no result
  --list          the rows and what they measure
  --no-keep       write no file to bench/results
  -h, --help
`;

const NAME_WIDTH = Math.max(...rows.map(({ name }) => name.length));

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string" },
      only: { type: "string" },
      quick: { type: "boolean", default: false },
      small: { type: "boolean", default: false },
      list: { type: "boolean", default: false },
      "no-keep": { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return console.log(HELP.trimEnd());
  if (values.list) return console.log(rows.map(describe).join("\n"));
  await runBench({
    rounds: roundsOf(values.rounds ?? (values.quick ? "2" : "5")),
    selected: selectRows(rows, { only: values.only, isQuick: values.quick }),
    repositorySize: values.small ? SMALL : WHOLE,
    isKept: !values["no-keep"] && !values.small,
  });
}

interface Run {
  readonly rounds: number;
  readonly selected: readonly Row[];
  readonly repositorySize: RepositorySize;
  readonly isKept: boolean;
}

async function runBench({ rounds, selected, repositorySize, isKept }: Run): Promise<void> {
  const root = dirname(import.meta.dirname);
  const interrupted = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.once(signal, () => interrupted.abort(new Error(`ended by ${signal}`)));
  const options = { build: join(root, "build"), uid: process.getuid?.() ?? 0, env: process.env, log: () => undefined, repositorySize };
  try {
    const stand = await Stand.open({ ...options, signal: interrupted.signal });
    const revision = await revisionOf(root, stand.banger);
    const machine = await describeMachine(stand.banger);
    if (machine.load > machine.cores / 2) console.log(`! the machine is busy (load ${machine.load}): its times are worth little`);
    const measured = await measureRounds({ rows: selected, rounds, stand, report: reportOf(rounds) });
    console.log(`\n${table(measured)}`);
    if (interrupted.signal.aborted) process.exitCode = 1;
    if (!isKept || measured.every(({ samples }) => samples.length === 0)) return;
    const date = new Date().toISOString();
    const path = await keepResult(join(import.meta.dirname, "results"), { date, revision, rounds, machine, rows: measured });
    console.log(`\nkept as ${path.slice(root.length + 1)}; make bench-report draws it`);
  } finally {
    await Stand.cleanUp({ ...options, signal: new AbortController().signal });
  }
}

function reportOf(rounds: number): RoundsReport {
  const tell = (round: number, name: string, told: string) => console.log(`${round}/${rounds}  ${name.padEnd(NAME_WIDTH)} ${told}`);
  return {
    sampled: tell,
    failed: (round, name, error) => {
      if (error instanceof Unmeasurable) return tell(round, name, error.message);
      tell(round, name, `failed: ${error instanceof Error ? error.stack : String(error)}`);
      process.exitCode = 1;
    },
  };
}

function describe({ name, what, over, unit, target }: Row): string {
  const limit = `<= ${scoreText(target.limit, { target, unit })}`;
  return `${name.padEnd(NAME_WIDTH)} ${what}\n${" ".repeat(NAME_WIDTH + 1)}${over === null ? "" : `over ${over} `}${limit}`;
}

main().catch((error: unknown) => {
  const isUsage = error instanceof UsageError || (error instanceof TypeError && "code" in error);
  console.error(`error: ${error instanceof Error ? (isUsage ? error.message : error.stack) : String(error)}`);
  process.exitCode = isUsage ? 2 : 1;
});
