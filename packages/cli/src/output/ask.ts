// Asks the person at the terminal. Only where there is one: `canAsk`.
import { createInterface } from "node:readline";
import type { CliDeps } from "../deps.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const satisfies readonly NodeJS.Signals[];

export function canAsk({ isTerminal }: Pick<CliDeps, "isTerminal">): boolean {
  return isTerminal.stdin && isTerminal.stderr;
}

/** The line that was typed, trimmed; undefined when there is none: Ctrl-C, Ctrl-D, the terminal has gone. */
export async function ask(
  { stdin, stderr, signals }: Pick<CliDeps, "stdin" | "stderr" | "signals">,
  question: string,
): Promise<string | undefined> {
  stderr.write(question);
  // The terminal itself edits and echoes the line.
  const lines = createInterface({ input: stdin, terminal: false });
  const answer = Promise.withResolvers<string | undefined>();
  const interrupt = () => {
    stderr.write("\n");
    answer.resolve(undefined);
  };
  for (const signal of SIGNALS) signals.on(signal, interrupt);
  lines.once("line", (line) => answer.resolve(line.trim()));
  lines.once("close", () => answer.resolve(undefined));
  try {
    return await answer.promise;
  } finally {
    for (const signal of SIGNALS) signals.off(signal, interrupt);
    lines.close();
  }
}
