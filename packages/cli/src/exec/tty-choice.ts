// Whether a command gets a terminal.
import { usageError } from "../context.ts";
import type { CliDeps } from "../deps.ts";

export interface TtyFlags {
  readonly tty?: boolean;
  readonly noTty?: boolean;
}

/** Throws `cli.usage` when both are asked for. */
export function checkTty(flags: TtyFlags): void {
  if (flags.tty === true && flags.noTty === true) throw usageError("--tty and --no-tty exclude each other");
}

/** As asked; else when all three streams are a terminal, so that a redirected one is not mixed into another. */
export function wantsTty({ tty, noTty }: TtyFlags, { isTerminal }: CliDeps): boolean {
  if (tty === true) return true;
  return noTty !== true && isTerminal.stdin && isTerminal.stdout && isTerminal.stderr;
}
