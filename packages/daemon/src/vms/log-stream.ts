// The logs of a VM as one readable stream, followed on request until the caller hangs up or the VM is gone.
import { existsSync } from "node:fs";
import { open } from "node:fs/promises";
import { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { logFile, type LogSource } from "./log-files.ts";

export interface LogRequest {
  readonly directory: string;
  /** Undefined: all, each under a heading. */
  readonly source: LogSource | undefined;
  readonly follow: boolean;
  readonly signal: AbortSignal;
}

const ALL: readonly LogSource[] = ["console", "vmm", "agent"];
const POLL_MS = 150;

export function streamLogs(request: LogRequest): Readable {
  return Readable.from(request.source === undefined ? allLogs(request) : oneLog(request, request.source), { objectMode: false });
}

async function* allLogs(request: LogRequest): AsyncGenerator<Buffer> {
  const offsets = new Map<LogSource, number>(ALL.map((source) => [source, 0]));
  let shown: LogSource | undefined;
  do {
    for (const source of ALL) {
      const { data, offset } = await readFrom(logFile(request.directory, source), offsets.get(source) ?? 0);
      offsets.set(source, offset);
      if (data.length === 0) continue;
      if (shown !== source) yield Buffer.from(`==> ${source}\n`);
      shown = source;
      yield data.at(-1) === 0x0a ? data : Buffer.concat([data, Buffer.from("\n")]);
    }
  } while (await goesOn(request));
}

async function* oneLog(request: LogRequest, source: LogSource): AsyncGenerator<Buffer> {
  let offset = 0;
  do {
    const next = await readFrom(logFile(request.directory, source), offset);
    offset = next.offset;
    if (next.data.length > 0) yield next.data;
  } while (await goesOn(request));
}

/** A VM's logs end with its directory. */
async function goesOn({ directory, follow, signal }: LogRequest): Promise<boolean> {
  if (!follow || signal.aborted) return false;
  await delay(POLL_MS, undefined, { signal }).catch(() => undefined);
  return !signal.aborted && existsSync(directory);
}

/** What was written after `offset`; from the start again when the file was cut. */
async function readFrom(path: string, offset: number): Promise<{ data: Buffer; offset: number }> {
  try {
    await using file = await open(path, "r");
    const { size } = await file.stat();
    const from = size < offset ? 0 : offset;
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - from), 0, size - from, from);
    return { data: buffer.subarray(0, bytesRead), offset: from + bytesRead };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { data: Buffer.alloc(0), offset };
    throw error;
  }
}
