// banger as stricli sees it: the tree of commands, its texts in banger's voice.
import {
  AliasNotFoundError,
  ArgumentParseError,
  ArgumentScannerError,
  buildApplication,
  EnumValidationError,
  FlagNotFoundError,
  text_en,
  UnexpectedFlagError,
  UnexpectedPositionalError,
  UnsatisfiedFlagError,
  UnsatisfiedPositionalError,
  version,
  type Application,
  type ApplicationText,
} from "@stricli/core";
import { BangerError } from "@banger/api";
import type { CommandHost } from "./command.ts";
import { loadRoot } from "./commands/root.ts";
import { usageError } from "./context.ts";
import { withGuestCommand } from "./guest-command.ts";
import { help } from "./output/help.ts";
import { VERSION } from "./version.ts";

/** What stricli found wrong with a command line, collected so that one place renders errors. */
export class UsageErrors {
  readonly #errors: BangerError[] = [];
  readonly #own: readonly string[];
  readonly #isDirectory: (word: string) => boolean;

  constructor(own: readonly string[], isDirectory: (word: string) => boolean = () => false) {
    this.#own = own;
    this.#isDirectory = isDirectory;
  }

  add(error: BangerError): void {
    this.#errors.push(error);
  }

  first(): BangerError | undefined {
    return this.#errors[0];
  }

  /** The words that led to `input`, with it: `vm shh`. */
  wordsTo(input: string): string {
    const words = this.#own.slice(0, this.#own.indexOf(input) + 1);
    return words.filter((word) => !word.startsWith("-")).join(" ");
  }

  /** How the guest's command is told apart, where one may be meant. */
  guestCommandHint(): string | undefined {
    const line = withGuestCommand(this.#own, this.#isDirectory);
    return line && `a command for the guest goes after --, as in: ${["banger", ...line].join(" ")}`;
  }
}

/** Git's weights, less far: a suggestion that is a different word altogether helps nobody. */
const DISTANCE = { threshold: 4, weights: { insertion: 1, deletion: 3, substitution: 2, transposition: 0 } } as const;

/** As far as `words`, the command line, may need it. */
export async function buildBanger(words: readonly string[], errors: UsageErrors): Promise<Application<CommandHost>> {
  return buildApplication(
    await loadRoot(words),
    {
      name: "banger",
      scanner: { caseStyle: "allow-kebab-for-camel", allowArgumentEscapeSequence: false, distanceOptions: DISTANCE },
      documentation: { disableAnsiColor: true, useAliasInUsageLine: false, caseStyle: "convert-camel-to-kebab" },
      completion: { includeAliases: false },
      localization: { text: texts(errors) },
    },
    { help, version: version({ info: { currentVersion: VERSION }, brief: "Show the version", alias: false }) },
  );
}

function texts(errors: UsageErrors): ApplicationText {
  const collect = (error: unknown): string => {
    errors.add(error instanceof BangerError ? error : new BangerError("internal", String(error), { cause: error }));
    return "";
  };
  return {
    ...text_en,
    noCommandRegisteredForInput({ input, corrections }) {
      const words = errors.wordsTo(input);
      if (words === "") return collect(usageError("no command given", "banger --help"));
      const near = corrections.map((correction) => `"${[...words.split(" ").slice(0, -1), correction.replaceAll("`", "")].join(" ")}"`);
      const helpLine = ["banger", ...words.split(" ").slice(0, -1), "--help"].join(" ");
      if (near.length === 0) return collect(usageError(`no command "${words}"`, helpLine));
      return collect(new BangerError("cli.usage", `no command "${words}". Did you mean ${near.join(" or ")}?`));
    },
    exceptionWhileParsingArguments: (error) =>
      collect(error instanceof ArgumentScannerError ? usageError(scannerMessage(error), scannerHint(error, errors)) : error),
    exceptionWhileLoadingCommandFunction: collect,
    exceptionWhileLoadingCommandContext: collect,
    exceptionWhileRunningCommand: collect,
    commandErrorResult: collect,
    exceptionWhileRunningIntegrationHook: ({ exception }) => collect(exception),
    exceptionWhileRunningIntegrationFlag: ({ exception }) => collect(exception),
  };
}

function scannerMessage(error: ArgumentScannerError): string {
  if (error instanceof FlagNotFoundError) {
    const near = error.corrections.map((name) => `--${kebab(name)}`);
    return `no flag --${error.input}${near.length === 0 ? "" : `. Did you mean ${near.join(" or ")}?`}`;
  }
  if (error instanceof AliasNotFoundError) return `no flag -${error.input}`;
  if (error instanceof ArgumentParseError) return parseMessage(error);
  if (error instanceof EnumValidationError)
    return `${flagName(error.externalFlagName)} cannot be ${JSON.stringify(error.input)}: it is one of ${error.values.join(", ")}`;
  if (error instanceof UnsatisfiedFlagError) return `--${kebab(error.externalFlagName)} needs a value`;
  if (error instanceof UnexpectedPositionalError) return `unexpected argument ${JSON.stringify(error.input)}`;
  if (error instanceof UnsatisfiedPositionalError) return `${error.placeholder.toUpperCase()} is missing`;
  if (error instanceof UnexpectedFlagError)
    return `--${kebab(error.externalFlagName)} is given twice: ${JSON.stringify(error.previousInput)} and ${JSON.stringify(error.input)}`;
  return error.message;
}

function scannerHint(error: ArgumentScannerError, errors: UsageErrors): string | undefined {
  if (error instanceof ArgumentParseError && error.exception instanceof BangerError) return error.exception.hint;
  if (error instanceof UnexpectedPositionalError || error instanceof AliasNotFoundError) return errors.guestCommandHint();
  if (error instanceof FlagNotFoundError && error.corrections.length === 0) return errors.guestCommandHint();
  return undefined;
}

function parseMessage(error: ArgumentParseError): string {
  if (error.exception instanceof BangerError) return `${flagName(error.externalFlagNameOrPlaceholder)}: ${error.exception.message}`;
  return `${flagName(error.externalFlagNameOrPlaceholder)} cannot be ${JSON.stringify(error.input)}`;
}

/** Placeholders of positional arguments are written in capitals; everything else is a flag. */
function flagName(name: string): string {
  return name.toUpperCase() === name ? name : `--${kebab(name)}`;
}

function kebab(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
