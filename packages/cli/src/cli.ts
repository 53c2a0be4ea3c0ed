// Runs one command line: split, parse, run, render the error, answer the exit status.
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { BangerError } from "@banger/api";
import { proposeCompletions, run as runStricli, type Application } from "@stricli/core";
import { buildBanger, UsageErrors } from "./application.ts";
import { splitArgv } from "./argv.ts";
import type { CommandHost, CommonFlags } from "./command.ts";
import type { CliContext } from "./context.ts";
import { connect, open } from "./daemon/connect.ts";
import { locatePaths, locateSocket } from "./daemon/locate.ts";
import type { CliDeps } from "./deps.ts";
import { EXIT, signalStatus } from "./exit-codes.ts";
import { Interrupted } from "./interrupt.ts";
import { reportBug } from "./output/bugs.ts";
import { BrokenPipe, createOutput } from "./output/output.ts";

/** Runs `deps.argv` to its end and answers the exit status. Never throws. */
export async function runCli(deps: CliDeps): Promise<number> {
  return new CommandLine(deps, true).run();
}

/** Parses and checks `deps.argv` without running it. Answers what is wrong with it, nothing when it is right. */
export async function checkCommandLine(deps: CliDeps): Promise<BangerError | undefined> {
  const line = new CommandLine(deps, false);
  await line.run();
  return line.failure;
}

/** One command line on its way. */
class CommandLine {
  failure: BangerError | undefined;
  readonly #deps: CliDeps;
  readonly #isRun: boolean;
  readonly #trailing: readonly string[] | undefined;
  readonly #own: readonly string[];
  #prefix: readonly string[] = [];
  #status: number = EXIT.ok;

  constructor(deps: CliDeps, isRun: boolean) {
    this.#deps = deps;
    this.#isRun = isRun;
    ({ own: this.#own, trailing: this.#trailing } = splitArgv(deps.argv));
  }

  async run(): Promise<number> {
    const errors = new UsageErrors(this.#own, (word) => isDirectory(resolve(this.#deps.cwd ?? "/", word)));
    const application = await buildBanger(this.#own, errors);
    await this.#runApplication(application);
    const wrong = errors.first();
    if (wrong !== undefined) this.#fail(wrong, { json: this.#own.includes("--json"), quiet: true });
    return this.#status;
  }

  async #runApplication(application: Application<CommandHost>): Promise<void> {
    // Stricli tells errors through `application`'s texts; its own lines are not wanted.
    const silent = { write: () => undefined };
    const stdout = { write: (text: string) => void (this.#isRun && this.#deps.stdout.write(text)) };
    await runStricli(application, this.#own, {
      process: { stdout, stderr: silent, env: {} },
      forCommand: ({ prefix }) => {
        this.#prefix = prefix;
        return {
          process: { stdout, stderr: silent },
          runCommand: (flags, steps) => this.#runCommand(flags, steps),
          vmNames: () => Promise.resolve([]),
        };
      },
    });
  }

  async #runCommand(flags: CommonFlags, steps: Parameters<CommandHost["runCommand"]>[1]): Promise<void> {
    try {
      steps.check(this.#trailing);
      const context = this.#context(flags);
      if (!this.#isRun) return;
      this.#status = (await steps.run(context)) ?? EXIT.ok;
    } catch (error) {
      this.#ended(error, flags, steps.failureStatus);
    }
  }

  #context(flags: CommonFlags): CliContext {
    const deps = this.#deps;
    const paths = locatePaths(deps);
    const output = createOutput(deps, { isJson: flags.json === true, isQuiet: flags.quiet === true });
    const told = new Set<string>();
    const context: CliContext = {
      deps,
      paths,
      output,
      tellOnce(remark) {
        if (!told.has(remark)) output.note(remark);
        told.add(remark);
      },
      socket: locateSocket(flags.socket, deps.env, paths),
      trailing: this.#trailing,
      complete: completeWords,
      connect: (options = {}) => connect({ context, signal: options.signal }),
      open: (route, input, options = {}) => open({ context, route, input, signal: options.signal }),
      read: async (route, input) => (await context.open(route, input)).result,
    };
    return context;
  }

  #ended(error: unknown, flags: CommonFlags, failureStatus: number): void {
    if (error instanceof BrokenPipe) {
      this.#status = signalStatus("SIGPIPE");
    } else if (error instanceof Interrupted) {
      this.#status = signalStatus(error.signal);
      createOutput(this.#deps, { isJson: flags.json === true, isQuiet: flags.quiet === true }).note(error.message);
    } else {
      this.#fail(
        error instanceof BangerError ? error : reportBug(error, locatePaths(this.#deps), this.#deps.uid === 0),
        flags,
        failureStatus,
      );
    }
  }

  #fail(error: BangerError, flags: { readonly json?: boolean; readonly quiet?: boolean }, failureStatus: number = EXIT.failure): void {
    this.failure = error;
    this.#status = error.code === "cli.usage" ? EXIT.usage : failureStatus;
    if (!this.#isRun) return;
    const hint = error.hint ?? (error.code === "cli.usage" && this.#prefix.length > 1 ? `${this.#prefix.join(" ")} --help` : undefined);
    const shown = BangerError.fromBody({ ...error.toBody(), hint });
    createOutput(this.#deps, { isJson: flags.json === true, isQuiet: flags.quiet === true }).error(shown);
  }
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    // Not there, or closed to us: no repository either.
    return false;
  }
}

async function completeWords(words: readonly string[], vmNames: CommandHost["vmNames"]): Promise<readonly string[]> {
  const silent = { write: () => undefined };
  const process = { stdout: silent, stderr: silent, env: {} };
  const proposals = await proposeCompletions(await buildBanger([], new UsageErrors(words)), words, {
    process,
    runCommand: () => Promise.resolve(),
    vmNames,
  });
  return proposals.map(({ completion }) => completion);
}
