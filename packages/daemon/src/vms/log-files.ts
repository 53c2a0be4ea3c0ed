// The logs of a VM, kept bounded: the daemon truncates what the VMM and the guest append to.
import { appendFile, open, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isDiskFull } from "@banger/host";

export type LogSource = "console" | "vmm" | "agent";

/** A log is cut when it takes more than this on the disk, in bytes. */
export const LOG_CAP = 8 * 1024 * 1024;
const KEPT_TAIL = 256 * 1024;

export function logFile(vmDir: string, source: LogSource): string {
  return join(vmDir, `${source}.log`);
}

/** The last `bytes` of a file as text; empty when there is none. */
export async function tailOf(path: string, bytes: number): Promise<string> {
  try {
    await using file = await open(path, "r");
    const { size } = await file.stat();
    const length = Math.min(size, bytes);
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.toString("utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}

export async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}

/** What a log gained since it had `start` bytes, at most its last `bytes`; all of it when it was cut meanwhile. */
export async function tailSince(path: string, start: number, bytes: number): Promise<string> {
  const size = await sizeOf(path);
  return tailOf(path, Math.min(bytes, size < start ? size : size - start));
}

/**
 * Cuts a log past its cap down, keeping its tail in `NAME.1`. Writers that append go on at the new end; Firecracker goes on where
 * it was, behind a hole: so what a log takes counts, not how far it reaches.
 */
export async function capLog(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined || found.blocks * 512 <= LOG_CAP) return;
  const tail = await tailOf(path, KEPT_TAIL);
  // First, so that a full disk has room for the rest.
  await truncate(path, 0);
  await writeFile(`${path}.1`, tail, { mode: 0o600 });
}

/** One line of a guest's text with control characters shown, not obeyed. */
export function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex -- these are what must not reach a terminal
  return text.replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`);
}

/** On a full disk the lines are lost: the guest must not be let go of for them. */
export async function appendAgentLog(vmDir: string, lines: readonly string[]): Promise<void> {
  const path = logFile(vmDir, "agent");
  try {
    await appendFile(path, lines.map((line) => `${line}\n`).join(""), { mode: 0o600 });
    await capLog(path);
  } catch (error) {
    if (!isDiskFull(error)) throw error;
  }
}
