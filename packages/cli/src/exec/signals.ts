// Signals to banger become signals of the guest's command. A third one in a row ends banger: the command may ignore them.
import type { Control } from "@banger/api";
import type { CliDeps } from "../deps.ts";
import { signalStatus } from "../exit-codes.ts";

const FORWARDED = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const satisfies readonly NodeJS.Signals[];
const PATIENCE = 3;
/** Milliseconds within which signals are in a row. */
const IN_A_ROW_MS = 2000;

export function forwardSignals(deps: CliDeps, tell: (control: Control) => void): Disposable {
  let received: readonly number[] = [];
  const listener = (signal: NodeJS.Signals) => {
    const now = performance.now();
    received = [...received.filter((at) => now - at < IN_A_ROW_MS), now];
    if (received.length >= PATIENCE) deps.exitNow(signalStatus(signal));
    else tell({ type: "signal", signal: signal.slice("SIG".length) });
  };
  for (const signal of FORWARDED) deps.signals.on(signal, listener);
  return {
    [Symbol.dispose]() {
      for (const signal of FORWARDED) deps.signals.off(signal, listener);
    },
  };
}
