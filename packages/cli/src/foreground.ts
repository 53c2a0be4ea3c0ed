// A program that has the terminal while it runs, as ssh or a pager.
import type { ChildProcess } from "node:child_process";
import type { CliDeps, SignalListener } from "./deps.ts";

/** The terminal's own reach the program by themselves, and are its business; what is sent to banger alone is passed on. */
const PASSED_ON = ["SIGTERM", "SIGHUP"] as const satisfies readonly NodeJS.Signals[];
const LEFT_TO_IT = ["SIGINT", "SIGQUIT"] as const satisfies readonly NodeJS.Signals[];

/** Banger outlives the signals that the program gets. */
export async function inForeground<T>(
  deps: Pick<CliDeps, "signals">,
  child: Pick<ChildProcess, "kill">,
  work: () => Promise<T>,
): Promise<T> {
  const passOn: SignalListener = (signal) => void child.kill(signal);
  for (const signal of PASSED_ON) deps.signals.on(signal, passOn);
  for (const signal of LEFT_TO_IT) deps.signals.on(signal, ignore);
  try {
    return await work();
  } finally {
    for (const signal of PASSED_ON) deps.signals.off(signal, passOn);
    for (const signal of LEFT_TO_IT) deps.signals.off(signal, ignore);
  }
}

function ignore(): void {}
