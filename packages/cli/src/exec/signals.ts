// Signals to banger become signals of the guest's command. A third one in a row ends banger: the command may ignore them.
import type { Control } from "@banger/api";
import type { CliDeps } from "../deps.ts";
import { signalStatus } from "../exit-codes.ts";

const FORWARDED = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const satisfies readonly NodeJS.Signals[];
const PATIENCE = 3;

export function forwardSignals(deps: CliDeps, tell: (control: Control) => void): Disposable {
  let received = 0;
  const listener = (signal: NodeJS.Signals) => {
    received += 1;
    if (received >= PATIENCE) deps.exitNow(signalStatus(signal));
    else tell({ type: "signal", signal: signal.slice("SIG".length) });
  };
  for (const signal of FORWARDED) deps.signals.on(signal, listener);
  return {
    [Symbol.dispose]() {
      for (const signal of FORWARDED) deps.signals.off(signal, listener);
    },
  };
}
