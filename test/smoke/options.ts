// The runner's command line.
import { dirname, resolve } from "node:path";
import { parseArgs } from "node:util";
import { smokeHome } from "./own-home.ts";
import type { Scenario } from "./scenario.ts";
import { selectScenarios, UsageError } from "./select.ts";

export const HELP = `Runs scenarios on real VMs, with a state directory of its own.

  --list               names, classes, descriptions; nothing is built or booted
  --scenario NAME,...  just these
  --jobs N             at most N at once (1: each one's output is shown as it runs)
  --repeat N           all of it N times; logs are then in logs/ROUND
  --keep               leave what the one scenario named has not deleted itself, for a look (end it with --clean)
  --clean              end and remove what earlier runs left, nothing else
  --json               results as JSON on standard output; all else goes to standard error
  --junit FILE         results as JUnit XML
  --build DIR          the build to test; default: the one this runner came with
  --state DIR          where the state lives; default: /var/tmp/banger-smoke-UID
  -h, --help

Exit status: 0 all passed, 1 something failed, 2 usage, 77 a named scenario cannot run here.
`;

export interface Options {
  readonly action: "help" | "list" | "clean" | "run";
  readonly selected: readonly Scenario[];
  /** Whether scenarios were named. */
  readonly isExplicit: boolean;
  readonly jobs: number;
  readonly repeat: number;
  readonly keep: boolean;
  readonly json: boolean;
  readonly junit: string | undefined;
  readonly build: string;
  readonly home: string;
}

/** Throws UsageError. */
export function parseOptions(argv: readonly string[], scenarios: readonly Scenario[], uid: number): Options {
  const values = parse(argv);
  const names = values.scenario?.split(",").filter((name) => name !== "");
  const selected = selectScenarios(scenarios, names);
  const repeat = wholeNumber("--repeat", values.repeat ?? "1");
  // What is kept of one would be in the way of the next, and of those that count what is there.
  if (values.keep === true && (names === undefined || selected.length !== 1 || repeat !== 1))
    throw new UsageError("--keep is for one scenario, run once: name it with --scenario");
  const action = (["help", "list", "clean"] as const).find((each) => values[each] === true) ?? "run";
  return {
    action,
    selected,
    isExplicit: names !== undefined,
    jobs: wholeNumber("--jobs", values.jobs ?? "1"),
    repeat,
    keep: values.keep === true,
    json: values.json === true,
    junit: values.junit,
    build: values.build ?? dirname(import.meta.dirname),
    home: values.state === undefined ? smokeHome(uid) : resolve(values.state),
  };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
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
    }).values;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    if (error instanceof TypeError && code.startsWith("ERR_PARSE_ARGS_")) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}

function wholeNumber(flag: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new UsageError(`${flag} takes a whole number from 1, not ${JSON.stringify(text)}`);
  return value;
}
