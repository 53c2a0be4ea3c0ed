// Tars to and from the guest, never held in memory; a guest that stops moving them fails the transfer.
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { bound } from "./calls.ts";
import type { GuestStream } from "./guest-stream.ts";

export interface TransferOptions {
  readonly what: string;
  /** How long the guest may take neither bytes nor give any, in milliseconds. */
  readonly stallMs: number;
  /** How long it may take to answer after the last byte. */
  readonly finishMs: number;
}

/** A call whose answer follows what it sends. */
export interface Upload<T> {
  readonly stream: GuestStream;
  /** Takes what is sent; breaks with `stream`, and may be it. Where it emits `taken` the guest is under way. */
  readonly sink: Writable;
  /** Settles when there is an answer, after which the agent may never read on. */
  readonly answered: Promise<T>;
}

/**
 * Sends `source` and answers what was answered. An early refusal ends the transfer. Throws the source's error as it is, else what
 * `answered` throws. `source` is always consumed or destroyed.
 */
export async function sendFile<T>(upload: Upload<T>, source: Readable, { what, stallMs, finishMs }: TransferOptions): Promise<T> {
  const { stream, sink, answered } = upload;
  let phase: "sending" | "sent" | "refused" = "sending";
  const over = answered.then(ignore, ignore).then(() => {
    if (phase !== "sending") return;
    phase = "refused";
    source.destroy();
  });
  try {
    for await (const chunk of source as AsyncIterable<Uint8Array>) {
      if (!sink.write(chunk)) await drained({ stream, sink, over, what, stallMs });
      if (sink.destroyed) break;
    }
    if (phase === "sending") phase = "sent";
  } catch (error) {
    // Destroying the source makes reading it fail: then the answer is what counts.
    if (phase === "sending") {
      sink.destroy();
      throw error;
    }
  }
  sink.end();
  using limit = bound(stream, { what, timeoutMs: finishMs });
  sink.on("taken", limit.renew);
  return await answered;
}

/** The body of an answer; it fails with `guest.unreachable` when the guest stops sending while somebody reads. */
export function receiveFile(stream: GuestStream, { stallMs }: Pick<TransferOptions, "stallMs">): Readable {
  stream.end();
  stream.failWhenIdle(stallMs);
  return stream;
}

interface Draining extends Pick<TransferOptions, "what" | "stallMs"> {
  readonly stream: GuestStream;
  readonly sink: Writable;
  readonly over: Promise<void>;
}

async function drained({ stream, sink, over, what, stallMs }: Draining): Promise<void> {
  using limit = bound(stream, { what, timeoutMs: stallMs });
  sink.on("taken", limit.renew);
  const waiting = new AbortController();
  const signal = waiting.signal;
  try {
    await Promise.race([once(sink, "drain", { signal }), once(sink, "close", { signal }), over]);
  } finally {
    waiting.abort();
    sink.off("taken", limit.renew);
  }
}

function ignore(): void {}
