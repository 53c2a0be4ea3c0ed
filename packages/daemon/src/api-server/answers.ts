// How answers leave: one JSON value, lines of JSON, or an error; and when a caller counts as gone.
import type { ServerResponse } from "node:http";
import { BangerError, httpStatus, type ErrorBody, type StreamLine } from "@banger/api";
import { DISK_FULL_HINT, isDiskFull } from "@banger/host";

/** Aborts when the caller hangs up before the answer was written out. */
export function hangUpOf(response: ServerResponse): AbortSignal {
  const gone = new AbortController();
  response.once("close", () => {
    if (!response.writableFinished) gone.abort(new BangerError("operation.cancelled", "the caller hung up"));
  });
  return gone.signal;
}

/** Writes lines of JSON: the headers go out with the first. */
export function lineWriter(response: ServerResponse): (line: StreamLine) => void {
  return (line) => {
    if (response.destroyed) return;
    if (!response.headersSent) response.writeHead(200, { "content-type": "application/x-ndjson", "cache-control": "no-store" });
    response.write(`${JSON.stringify(line)}\n`);
  };
}

export function bodyOf(error: unknown): ErrorBody {
  if (error instanceof BangerError) return error.toBody();
  if (isDiskFull(error)) return new BangerError("host.disk_full", "no space is left on the disk", { hint: DISK_FULL_HINT }).toBody();
  return {
    code: "internal",
    message: `a bug in banger: ${error instanceof Error ? error.message : String(error)}`,
    hint: "banger daemon logs",
  };
}

/** An error as a whole HTTP/1.1 answer, for a connection that was to be upgraded. */
export function rawErrorAnswer(error: unknown): string {
  const body = bodyOf(error);
  const text = JSON.stringify(body);
  return `HTTP/1.1 ${httpStatus(body.code)} Error\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\nconnection: close\r\n\r\n${text}`;
}
