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

export interface LineWriter {
  write(line: StreamLine): void;
  /** Whether the headers are out: what fails from then on is a line. */
  hasBegun(): boolean;
  /** Nothing more is written. */
  refuse(): void;
}

/** Milliseconds in which what is refused at once has been refused. */
const AT_ONCE_MS = 50;

/**
 * Writes lines of JSON; the headers go out with the first. An operation's id waits for more to tell: what fails at once is an
 * ordinary error, which has the id too.
 */
export function lineWriter(response: ServerResponse): LineWriter {
  let held: StreamLine | undefined;
  const send = (line: StreamLine) => {
    if (response.destroyed) return;
    if (!response.headersSent) response.writeHead(200, { "content-type": "application/x-ndjson", "cache-control": "no-store" });
    response.write(`${JSON.stringify(line)}\n`);
  };
  const sendHeld = () => {
    if (held !== undefined) send(held);
    held = undefined;
  };
  return {
    hasBegun: () => response.headersSent,
    write(line) {
      if (line.type === "operation") {
        held = line;
        setTimeout(sendHeld, AT_ONCE_MS).unref();
        return;
      }
      sendHeld();
      send(line);
    },
    refuse() {
      held = undefined;
    },
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
