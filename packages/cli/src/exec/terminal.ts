// Our terminal as the guest's: raw, so that every key reaches it, and the same size.
import type { Control } from "@banger/api";
import type { CliDeps } from "../deps.ts";

const FALLBACK = { cols: 80, rows: 24 };

export function terminalSize({ stdout }: CliDeps): { readonly cols: number; readonly rows: number } {
  return { cols: stdout.columns || FALLBACK.cols, rows: stdout.rows || FALLBACK.rows };
}

/** Whether a command gets a terminal when the user has not said: when all three streams are ours to see. */
export function hasWholeTerminal({ isTerminal }: CliDeps): boolean {
  return isTerminal.stdin && isTerminal.stdout && isTerminal.stderr;
}

/** Raw mode and resizes until disposed. */
export function wireTerminal(deps: CliDeps, tell: (control: Control) => void): Disposable {
  const { stdin, stdout, isTerminal } = deps;
  const onResize = () => tell({ type: "resize", ...terminalSize(deps) });
  stdout.on("resize", onResize);
  if (isTerminal.stdin) stdin.setRawMode?.(true);
  return {
    [Symbol.dispose]() {
      stdout.off("resize", onResize);
      if (isTerminal.stdin) stdin.setRawMode?.(false);
    },
  };
}
