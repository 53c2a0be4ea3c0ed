// The one place that writes for people: results on stdout, remarks and errors on stderr.
import { styleText } from "node:util";
import { BangerError } from "@banger/api";
import type { CliDeps, OutputStream } from "../deps.ts";
import { renderError } from "./errors.ts";
import { withOwnName } from "./own-name.ts";

export type Style = "bold" | "dim" | "red" | "green" | "yellow";
export type Paint = (style: Style, text: string) => string;

export interface OutputOptions {
  readonly isJson: boolean;
  readonly isQuiet: boolean;
}

export interface Output {
  readonly isJson: boolean;
  /** Nothing but results and errors: `-q`, or `--json`. */
  readonly isQuiet: boolean;
  readonly paint: { readonly stdout: Paint; readonly stderr: Paint };
  /** Lines of the result. Throws BrokenPipe when the reader has gone. */
  result(text: string): Promise<void>;
  json(value: unknown): Promise<void>;
  /** A remark on stderr; silent with `-q` and `--json`. */
  note(text: string): void;
  error(error: BangerError): void;
}

/** The reader of stdout has gone, as when piped into `head`. */
export class BrokenPipe extends Error {
  override readonly name = "BrokenPipe";
}

export function createOutput(deps: CliDeps, options: OutputOptions): Output {
  const isQuiet = options.isQuiet || options.isJson;
  const paint = { stdout: painter(deps, deps.isTerminal.stdout), stderr: painter(deps, deps.isTerminal.stderr) };
  const named = (text: string) => withOwnName(text, deps);
  const renamed = (error: BangerError) => {
    const { message, hint, ...body } = error.toBody();
    return BangerError.fromBody({ ...body, message: named(message), ...(hint === undefined ? {} : { hint: named(hint) }) });
  };
  return {
    isJson: options.isJson,
    isQuiet,
    paint,
    result(text) {
      const shown = named(text);
      return writeAll(deps.stdout, shown === "" || shown.endsWith("\n") ? shown : `${shown}\n`);
    },
    json: (value) => writeAll(deps.stdout, `${JSON.stringify(value, null, 2)}\n`),
    note(text) {
      if (!isQuiet) deps.stderr.write(`${named(text)}\n`);
    },
    error(error) {
      const text = options.isJson ? JSON.stringify({ error: error.toBody() }) : renderError(renamed(error), paint.stderr);
      deps.stderr.write(`${text}\n`);
    },
  };
}

/** Writes and waits until the stream has taken it. Throws BrokenPipe on EPIPE. */
export function writeAll(stream: OutputStream, data: string | Uint8Array): Promise<void> {
  if (data.length === 0) return Promise.resolve();
  return new Promise((resolve, reject) => {
    stream.write(data, (error) => {
      if (error === null || error === undefined) resolve();
      else if ((error as NodeJS.ErrnoException).code === "EPIPE" || (error as NodeJS.ErrnoException).code === "ERR_STREAM_DESTROYED")
        reject(new BrokenPipe("the reader has gone", { cause: error }));
      else reject(error);
    });
  });
}

function painter(deps: CliDeps, isTerminal: boolean): Paint {
  const isPlain = !isTerminal || (deps.env["NO_COLOR"] ?? "") !== "" || deps.env["TERM"] === "dumb";
  return isPlain ? (_, text) => text : (style, text) => styleText(style, text, { validateStream: false });
}
