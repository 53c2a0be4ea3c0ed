// What must survive the daemon of the guests' network: which processes hold it. One JSON file, replaced whole.
import { readFile, rm } from "node:fs/promises";
import { hostBootId, writeFileAtomic, type ProcessIdentity } from "@banger/host";
import * as z from "zod/mini";

const processIdentity = z.object({ pid: z.int().check(z.positive()), startTicks: z.string(), bootId: z.string() });
const networkRecord = z.object({
  version: z.literal(1),
  anchor: processIdentity,
  pasta: z.nullable(z.object({ process: processIdentity, takesDns: z.boolean() })),
});

export interface NetworkRecord {
  readonly anchor: ProcessIdentity;
  /** `takesDns`: whether it hands on DNS queries to the host's own resolver. */
  readonly pasta: { readonly process: ProcessIdentity; readonly takesDns: boolean } | null;
}

/**
 * The record of this boot, or undefined when there is none. An unreadable one counts as none: its processes carry the marker
 * and are found without it.
 */
export async function readRecord(path: string): Promise<NetworkRecord | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const parsed = networkRecord.safeParse(parseJson(text));
  return parsed.success && parsed.data.anchor.bootId === hostBootId() ? parsed.data : undefined;
}

export async function writeRecord(path: string, record: NetworkRecord | null): Promise<void> {
  if (record === null) await rm(path, { force: true });
  else await writeFileAtomic(path, `${JSON.stringify({ version: 1, ...record })}\n`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
