// Ctrl-C and its kin while banger itself is at work: the first asks to undo, the second ends the process.
import { BangerError } from "@banger/api";
import type { CliDeps } from "./deps.ts";
import { signalStatus } from "./exit-codes.ts";
import { withOwnName } from "./output/own-name.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const satisfies readonly NodeJS.Signals[];

/** The user ended it: `message` says what became of the work. Exit status 128 + signal. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
  readonly signal: NodeJS.Signals;

  constructor(signal: NodeJS.Signals, message: string) {
    super(message);
    this.signal = signal;
  }
}

export interface InterruptibleWork<T> {
  readonly work: (signal: AbortSignal) => Promise<T>;
  /** Runs after the work has ended by an interrupt; answers what to say. */
  readonly undone: () => Promise<string>;
}

/** Throws Interrupted when a signal came and the work gave up because of it. */
export async function interruptible<T>(deps: CliDeps, { work, undone }: InterruptibleWork<T>): Promise<T> {
  const controller = new AbortController();
  let received: NodeJS.Signals | undefined;
  const listener = (signal: NodeJS.Signals) => {
    if (received !== undefined) {
      deps.stderr.write(`${withOwnName("left while it is being undone; what there is: banger vm list", deps)}\n`);
      return deps.exitNow(signalStatus(signal));
    }
    received = signal;
    controller.abort();
  };
  for (const signal of SIGNALS) deps.signals.on(signal, listener);
  try {
    return await work(controller.signal);
  } catch (error) {
    if (received === undefined) throw isAbort(error) ? new BangerError("operation.cancelled", "cancelled", { cause: error }) : error;
    throw new Interrupted(received, await undone());
  } finally {
    for (const signal of SIGNALS) deps.signals.off(signal, listener);
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}
