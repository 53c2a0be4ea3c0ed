// The kernel's last words on the console. Printed whatever the log level, they tell how a guest went down that told nobody
// else, as `reboot -f` and `poweroff -f` do; and they are all there is to see where a VMM outlives its guest: a halt is noticed by
// none, a power-off not by Firecracker.
import { setTimeout as delay } from "node:timers/promises";
import { poll } from "@banger/host";
import { tailSince } from "./log-files.ts";

export type GuestEnding = "poweroff" | "reboot" | "halt";

const LAST_WORDS = {
  "Restarting system": "reboot",
  "Power down": "poweroff",
  "System halted": "halt",
} as const satisfies Record<string, GuestEnding>;

/** With the kernel's time in front, so that no program's text is taken for them. */
const PATTERN = /^\[ *\d+\.\d+\] reboot: (Restarting system|Power down|System halted)/gm;
/** The console ends with them: then they may follow what a program wrote without ending its line. */
const AT_END = /\[ *\d+\.\d+\] reboot: (Restarting system|Power down|System halted)\s*$/;
const TAIL_BYTES = 4096;
const LOOK_MS = 2000;
/** Milliseconds between looks at a console that a guest floods. */
const PAUSE_MS = 20;

/** What the kernel said last of its end; null when it said nothing. */
export function lastWordsOfKernel(console: string): GuestEnding | null {
  const words = (AT_END.exec(console) ?? [...console.matchAll(PATTERN)].at(-1))?.[1];
  return words === undefined ? null : LAST_WORDS[words as keyof typeof LAST_WORDS];
}

export interface Console {
  readonly path: string;
  /** How long it was when the VMM was started, in bytes. */
  readonly start: number;
}

/** Resolves when the kernel has said on the console that it went down in a way that `isOutlived`. Throws the signal's reason. */
export async function untilHalted(
  { path, start }: Console,
  isOutlived: (ending: GuestEnding) => boolean,
  signal: AbortSignal,
): Promise<void> {
  const isHalted = async () => {
    const words = lastWordsOfKernel(await tailSince(path, start, TAIL_BYTES));
    if (words !== null && isOutlived(words)) return true;
    await delay(PAUSE_MS);
    return undefined;
  };
  await poll(isHalted, { timeoutMs: Number.POSITIVE_INFINITY, intervalMs: LOOK_MS, file: path, signal });
}
