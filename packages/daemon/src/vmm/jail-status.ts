// What bubblewrap writes to --json-status-fd: one JSON document a line, the pid when the jail is up and the exit code at the
// end. The file outlives the daemon, so an end nobody was there to see is known afterwards.
import { constants } from "node:os";
import type { VmmExit } from "./contract.ts";

export interface JailStatus {
  readonly childPid: number | undefined;
  readonly exitCode: number | undefined;
}

/** Reads what is complete; a last line cut short is left for later. */
export function parseJailStatus(text: string): JailStatus {
  let childPid: number | undefined;
  let exitCode: number | undefined;
  for (const line of text.split("\n")) {
    const document = parseDocument(line);
    childPid ??= integerField(document, "child-pid");
    exitCode ??= integerField(document, "exit-code");
  }
  return { childPid, exitCode };
}

/** bubblewrap folds a signal into the exit code as a shell does: 128 + its number. */
export function exitOf(exitCode: number | undefined): VmmExit {
  if (exitCode === undefined) return { status: null, signal: null };
  const signal = Object.entries(constants.signals).find(([, number]) => number === exitCode - 128)?.[0];
  return signal === undefined ? { status: exitCode, signal: null } : { status: null, signal };
}

function parseDocument(line: string): unknown {
  if (!line.trimEnd().endsWith("}")) return undefined;
  try {
    return JSON.parse(line);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function integerField(document: unknown, name: string): number | undefined {
  if (typeof document !== "object" || document === null) return undefined;
  const value: unknown = Reflect.get(document, name);
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
