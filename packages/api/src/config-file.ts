// config.toml as it is written, for the two who read it: the daemon takes all of it, the command line the key of its ssh. What is
// wrong in it is told with its place by both. Not part of index.ts: most commands read no TOML.
import { parse, TomlError } from "smol-toml";
import { BangerError } from "./errors.ts";
import type { Position } from "./key-positions.ts";

export { KeyPositions, type Position } from "./key-positions.ts";

export interface ConfigText {
  /** Shown in errors. */
  readonly file: string;
  readonly text: string;
}

export interface Problem extends Position {
  readonly message: string;
  readonly hint: string;
}

/** Throws `config.invalid`. */
export function parseConfigText({ file, text }: ConfigText): Readonly<Record<string, unknown>> {
  try {
    return parse(text);
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause;
    // smol-toml puts an excerpt below its sentence.
    const [message = cause.message] = cause.message.replace(/^Invalid TOML document: /, "").split("\n");
    const problem = { line: cause.line, column: cause.column, message, hint: "the file is TOML: https://toml.io" };
    throw invalidConfig(file, [problem], cause);
  }
}

/** `file:line:column` of the first of `problems`; all of them are in its details. */
export function invalidConfig(file: string, problems: readonly [Problem, ...Problem[]], cause?: unknown): BangerError {
  const [first, ...others] = problems;
  const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
  return new BangerError("config.invalid", `${file}:${first.line}:${first.column}: ${first.message}${more}`, {
    hint: first.hint,
    details: { file, problems },
    cause,
  });
}
