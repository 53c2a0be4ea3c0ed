// What it means that a VMM has ended: the guest rebooted (boot it again), powered off, panicked, or the VMM was killed. Pure.
import type { StopReason } from "@banger/api";
import type { VmmExit } from "../vmm/contract.ts";
import { lastWordsOfKernel } from "./halted-guest.ts";
import { printable } from "./log-files.ts";

/** More reboots than this within the window, or in a row without ever being ready, and it is a loop. */
export const REBOOT_LIMIT = 5;
export const REBOOT_WINDOW_MS = 5 * 60_000;

export interface EndedVmm {
  readonly exit: VmmExit;
  /** The signal by which its owner ended it. */
  readonly killedBy: string | null;
  /** What the guest announced, over the channel or on its console. */
  readonly announced: "poweroff" | "reboot" | "halt" | null;
  /** The last lines of the console. */
  readonly consoleTail: string;
  /** When it rebooted before, Unix ms. */
  readonly reboots: readonly number[];
  /** How often in a row it did before it was ready. */
  readonly unreadyReboots: number;
  /** Whether it was ready this time; null: nobody saw. */
  readonly wasReady: boolean | null;
  readonly nowMs: number;
}

export type AfterEnd =
  | { readonly action: "boot-again"; readonly reboots: number[]; readonly unreadyReboots: number }
  | { readonly action: "stopped"; readonly reason: StopReason };

export function afterEnd(ended: EndedVmm): AfterEnd {
  if (ended.killedBy !== null) return killed(ended.killedBy);
  if (ended.announced === "reboot") return afterReboot(ended);
  if (ended.announced !== null) return stopped("guest_poweroff");
  if (/Kernel panic/.test(ended.consoleTail)) return stopped("guest_panic", panicLines(ended.consoleTail));
  if (ended.exit.status === 137) return killed("SIGKILL");
  if (ended.exit.signal !== null) return killed(ended.exit.signal);
  if (ended.exit.status === null) return stopped("crashed", "the VMM is gone and nobody saw how");
  return stopped("crashed", `the VMM ended with status ${ended.exit.status}; see banger vm logs`);
}

/** The last announcement of the agent in the console, such as `banger-agent: guest is going down: reboot`, else the kernel's. */
export function announcedOnConsole(consoleTail: string): EndedVmm["announced"] {
  const all = [...consoleTail.matchAll(/banger-agent: guest is going down: (poweroff|reboot|halt)/g)];
  const mode = all.at(-1)?.[1];
  return mode === "poweroff" || mode === "reboot" || mode === "halt" ? mode : lastWordsOfKernel(consoleTail);
}

function afterReboot(ended: EndedVmm): AfterEnd {
  const recent = ended.reboots.filter((at) => ended.nowMs - at < REBOOT_WINDOW_MS);
  const unreadyReboots = ended.wasReady === true ? 0 : ended.unreadyReboots + (ended.wasReady === false ? 1 : 0);
  if (unreadyReboots > REBOOT_LIMIT) return stopped("reboot_loop", `it rebooted ${unreadyReboots} times in a row before it was ready`);
  if (recent.length < REBOOT_LIMIT) return { action: "boot-again", reboots: [...recent, ended.nowMs], unreadyReboots };
  return stopped("reboot_loop", `it rebooted ${recent.length + 1} times within ${REBOOT_WINDOW_MS / 60_000} minutes`);
}

function killed(signal: string): AfterEnd {
  return stopped("killed", signal === "SIGKILL" ? "the VMM was killed" : `the VMM was ended by ${signal}`);
}

function stopped(code: StopReason["code"], detail?: string): AfterEnd {
  return { action: "stopped", reason: detail === undefined ? { code } : { code, detail } };
}

function panicLines(console: string): string {
  const lines = console.split("\n").map((line) => line.trimEnd());
  const at = lines.findIndex((line) => line.includes("Kernel panic"));
  return lines.slice(Math.max(0, at - 3), at + 1).join("\n");
}

/** What a console says last of how far a guest came: its panic, else its last line. */
export function lastSignOfLife(consoleTail: string): string {
  const lines = consoleTail.split("\n").map((line) => printable(line.trim()));
  const panic = lines.find((line) => line.includes("Kernel panic"));
  const last = panic ?? lines.findLast((line) => line !== "");
  return last === undefined ? "nothing on the console" : `console, ${JSON.stringify(last)}`;
}
