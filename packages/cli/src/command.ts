// One command is one declarative value. This turns it into stricli's, adds the flags every command has, and runs it.
import { buildCommand, type BaseArgs, type Command, type CommandContext, type TypedCommandParameters } from "@stricli/core";
import type { CliContext } from "./context.ts";
import { usageError } from "./context.ts";
import { EXIT, EXIT_STATUS_HELP, GUEST_EXIT_STATUS_HELP } from "./exit-codes.ts";

export interface CommonFlags {
  readonly socket?: string;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

export interface CommandDefinition<FLAGS extends Readonly<Partial<Record<keyof FLAGS, unknown>>>, ARGS extends BaseArgs> {
  readonly brief: string;
  /** What --help teaches below the usage: the dominant use first. */
  readonly description: string;
  /** Usage lines without the command's own name. */
  readonly usage: readonly string[];
  /** Command lines, each with what it does. */
  readonly examples: readonly (readonly [line: string, what: string])[];
  /** Whether `-- COMMAND…` is taken; default `none`. */
  readonly trailing?: "none" | "optional" | "required";
  /** Whether the status is a guest command's: then banger's own failures are 125. */
  readonly isAroundGuest?: boolean;
  readonly parameters: NoInfer<TypedCommandParameters<Pick<FLAGS, keyof FLAGS>, ARGS, CommandContext>>;
  /** Refuses combinations before anything is done. Throws `cli.usage`. */
  readonly check?: NoInfer<(flags: FLAGS, trailing: readonly string[] | undefined, ...args: ARGS) => void>;
  /** Answers the exit status; 0 when it answers nothing. */
  readonly run: (context: CliContext, flags: FLAGS, ...args: ARGS) => Promise<number | void>;
}

export interface CommandSteps {
  check(trailing: readonly string[] | undefined): void;
  run(context: CliContext): Promise<number | void>;
  /** Exit status of banger's own failures. */
  readonly failureStatus: number;
}

/** What runs a parsed command; the application's side of it (cli.ts). */
export interface CommandHost extends CommandContext {
  runCommand(flags: CommonFlags, steps: CommandSteps): Promise<void>;
  /** Names of VMs that begin with `partial`, for completion; none when no daemon runs. */
  vmNames(partial: string): Promise<readonly string[]>;
}

/** A flag without a value. */
export function switchFlag(brief: string) {
  return { kind: "boolean", optional: true, withNegated: false, brief } as const;
}

/** For commands with a result: `--json` prints it on stdout, undecorated. */
export const jsonFlag = switchFlag("Print the result as JSON");

export function command<const FLAGS extends Readonly<Partial<Record<keyof FLAGS, unknown>>> = object, const ARGS extends BaseArgs = []>(
  definition: CommandDefinition<FLAGS, ARGS>,
): Command<CommandHost> {
  const own = definition.parameters as { readonly flags?: object; readonly aliases?: object };
  return buildCommand<CommonFlags, ARGS, CommandHost>({
    docs: { brief: definition.brief, fullDescription: helpText(definition), customUsage: [...definition.usage] },
    parameters: { ...own, flags: { ...own.flags, ...commonFlags }, aliases: { ...own.aliases, q: "quiet" } } as never,
    async func(this: CommandHost, flags, ...args) {
      const all = flags as CommonFlags & FLAGS;
      await this.runCommand(flags, {
        check(trailing) {
          definition.check?.(all, trailing, ...args);
          checkTrailing(definition.trailing ?? "none", trailing);
        },
        run: (context) => definition.run(context, all, ...args),
        failureStatus: definition.isAroundGuest === true ? EXIT.aroundGuest : EXIT.failure,
      });
    },
  });
}

const commonFlags = {
  socket: { kind: "parsed", parse: String, optional: true, brief: "Socket of the daemon (BANGER_SOCKET)", placeholder: "PATH" },
  quiet: switchFlag("No progress, no remarks"),
} as const;

function checkTrailing(takes: "none" | "optional" | "required", trailing: readonly string[] | undefined): void {
  if (takes === "none" && trailing !== undefined) throw usageError("this command takes nothing after --");
  if (trailing?.length === 0) throw usageError("no command after --");
  if (takes === "required" && trailing === undefined) throw usageError("no command given", "write it after --, as in: -- make test");
}

function helpText(definition: {
  readonly description: string;
  readonly examples: readonly (readonly [string, string])[];
  readonly isAroundGuest?: boolean;
}): string {
  const width = Math.max(...definition.examples.map(([line]) => line.length));
  const examples = definition.examples.map(([line, what]) => `  ${line.padEnd(width)}  ${what}`.trimEnd());
  return [
    definition.description,
    ...(examples.length === 0 ? [] : ["", "EXAMPLES", ...examples]),
    "",
    definition.isAroundGuest === true ? GUEST_EXIT_STATUS_HELP : EXIT_STATUS_HELP,
  ].join("\n");
}
