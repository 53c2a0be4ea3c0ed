// What is remembered of test boots, until the host boots anew: each costs seconds. Where not even the VMM started, the guest was
// never tried and nothing is remembered. What failed is tried again by the doctor.
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

/** What is to be thought of an accelerator whose test boot went so. */
export function verdictOf(outcome: BootOutcome): BootVerdict {
  switch (outcome.kind) {
    case "up":
      return { works: true, agentAfterMs: outcome.agentAfterMs };
    case "outrun":
      return { works: false, isOutrun: true, reason: `a test boot took longer than an emulated one (${seconds(outcome.byMs)})` };
    case "late":
      return { works: false, reason: `a test boot did not finish in ${seconds(outcome.deadlineMs)}` };
    case "down":
    case "not_started":
      return { works: false, reason: `a test boot failed: ${outcome.reason}` };
  }
}

/** The remembered boot, if the file holds one for exactly this. A damaged file holds none. */
export async function readBoot(file: string, key: BootKey): Promise<BootOutcome | undefined> {
  const known = await readMemory(file);
  return known?.hostBootId === key.hostBootId ? known.boots[nameOf(key)] : undefined;
}

/** Remembers a boot; those of earlier host boots are forgotten. */
export async function rememberBoot(file: string, key: BootKey, outcome: BootOutcome): Promise<void> {
  if (outcome.kind === "not_started") return;
  const known = await readMemory(file);
  const kept = known?.hostBootId === key.hostBootId ? known.boots : {};
  const next = { hostBootId: key.hostBootId, boots: { ...kept, [nameOf(key)]: outcome } };
  await writeFileAtomic(file, `${JSON.stringify(next, null, 2)}\n`);
}

const rememberedOutcome = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("up"), agentAfterMs: z.number() }),
  z.object({ kind: z.literal("late"), deadlineMs: z.number() }),
  z.object({ kind: z.literal("outrun"), byMs: z.number() }),
  z.object({ kind: z.literal("down"), reason: z.string() }),
]);
const memory = z.object({ hostBootId: z.string(), boots: z.record(z.string(), rememberedOutcome) });

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
