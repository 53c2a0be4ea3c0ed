// What is remembered of test boots. One that was fast enough holds until the host boots anew. Any other may have had a cause
// that passes, a busy host or a user's own cure, so it is made again after a while; and where not even the VMM started, the
// guest was never tried and nothing is remembered.
import { readFile } from "node:fs/promises";
import type { AcceleratorName } from "@banger/api";
import { writeFileAtomic } from "@banger/host";
import * as z from "zod/mini";
import type { BootVerdict } from "./accelerator.ts";
import type { BootOutcome } from "./boot-probe.ts";

/** What an outcome holds for: another host boot, kernel or VMM may behave otherwise. */
export interface BootKey {
  readonly hostBootId: string;
  readonly driver: string;
  readonly vmmVersion: string;
  readonly kernelRelease: string;
  readonly accelerator: AcceleratorName;
  /** Who ran the VMM: another may not open the device. */
  readonly uid: number;
}

export interface RememberedBoot {
  readonly outcome: BootOutcome;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

const RETRY_AFTER_MS = 60 * 60_000;

/** What is to be thought of an accelerator whose guest must answer within `deadlineMs`. */
export function verdictOf(outcome: BootOutcome, deadlineMs: number): BootVerdict {
  switch (outcome.kind) {
    case "up":
      return isUpWithin(outcome, deadlineMs)
        ? { works: true, agentAfterMs: outcome.agentAfterMs }
        : { works: false, reason: `a test boot took ${seconds(outcome.agentAfterMs)}, more than ${seconds(deadlineMs)}` };
    case "late":
      return { works: false, reason: `a test boot did not finish in ${seconds(outcome.deadlineMs)}` };
    case "down":
    case "not_started":
      return { works: false, reason: `a test boot failed: ${outcome.reason}` };
  }
}

/** Whether a boot need not be made again by one who would wait `deadlineMs`. */
export function holds({ outcome, at }: RememberedBoot, deadlineMs: number, now: number): boolean {
  if (isUpWithin(outcome, deadlineMs)) return true;
  const wasGivenTime = outcome.kind !== "late" || outcome.deadlineMs >= deadlineMs;
  return wasGivenTime && at <= now && now < at + RETRY_AFTER_MS;
}

export function isUpWithin(outcome: BootOutcome, deadlineMs: number): boolean {
  return outcome.kind === "up" && outcome.agentAfterMs <= deadlineMs;
}

/** The remembered boot, if the file holds one for exactly this. A damaged file holds none. */
export async function readBoot(file: string, key: BootKey): Promise<RememberedBoot | undefined> {
  const known = await readMemory(file);
  return known?.hostBootId === key.hostBootId ? known.boots[nameOf(key)] : undefined;
}

/** Remembers a boot; those of earlier host boots are forgotten. */
export async function rememberBoot(file: string, key: BootKey, boot: RememberedBoot): Promise<void> {
  if (boot.outcome.kind === "not_started") return;
  const known = await readMemory(file);
  const kept = known?.hostBootId === key.hostBootId ? known.boots : {};
  const next = { hostBootId: key.hostBootId, boots: { ...kept, [nameOf(key)]: boot } };
  await writeFileAtomic(file, `${JSON.stringify(next, null, 2)}\n`);
}

const outcome = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("up"), agentAfterMs: z.number() }),
  z.object({ kind: z.literal("late"), deadlineMs: z.number() }),
  z.object({ kind: z.literal("down"), reason: z.string() }),
]);
const memory = z.object({ hostBootId: z.string(), boots: z.record(z.string(), z.object({ outcome, at: z.number() })) });

async function readMemory(file: string): Promise<z.infer<typeof memory> | undefined> {
  try {
    return memory.parse(JSON.parse(await readFile(file, "utf8")));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.core.$ZodError || (error as NodeJS.ErrnoException).code === "ENOENT")
      return undefined;
    throw error;
  }
}

function nameOf(key: BootKey): string {
  return [key.driver, key.vmmVersion, key.kernelRelease, key.accelerator, key.uid].join(" ");
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}
