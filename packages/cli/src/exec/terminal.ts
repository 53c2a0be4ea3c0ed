// Our terminal as the guest's: raw, so that every key reaches it, and the same size.
import type { Control } from "@banger/api";
import type { CliDeps } from "../deps.ts";

const FALLBACK = { cols: 80, rows: 24 };

export function terminalSize({ stdout }: CliDeps): { readonly cols: number; readonly rows: number } {
  return { cols: stdout.columns || FALLBACK.cols, rows: stdout.rows || FALLBACK.rows };
}

/** Raw mode and resizes until disposed. Leaving raw mode brings back the terminal as it was found. */
export function wireTerminal(deps: CliDeps, tell: (control: Control) => void): Disposable {
  const { stdin, stdout, isTerminal } = deps;
  const onResize = () => tell({ type: "resize", ...terminalSize(deps) });
  stdout.on("resize", onResize);
  const isRaw = isTerminal.stdin && stdin.setRawMode !== undefined;
  if (isRaw) {
    stdin.setRawMode?.(true);
    leaveOutputAlone(deps);
  }
  return {
    [Symbol.dispose]() {
      stdout.off("resize", onResize);
      if (isRaw) stdin.setRawMode?.(false);
    },
  };
}

/**
 * Node's raw mode still turns a line feed into carriage return and line feed, which the guest's terminal has done already: a
 * full-screen program that moves down by a bare line feed would be garbled. Without stty it stays so.
 */
function leaveOutputAlone({ childProcess }: CliDeps): void {
  childProcess.spawnSync("stty", ["-opost"], { stdio: ["inherit", "ignore", "ignore"] });
}
