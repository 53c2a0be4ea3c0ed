// Tars to and from the guest, never held in memory; a guest that stops moving them fails the transfer.
import { once } from "node:events";
import type { Readable } from "node:stream";
import { bound, expectOk } from "./calls.ts";
import type { GuestStream } from "./guest-stream.ts";

export interface TransferOptions {
  readonly what: string;
  /** How long the guest may take neither bytes nor give any, in milliseconds. */
  readonly stallMs: number;
  /** How long it may take to answer after the last byte. */
  readonly finishMs: number;
}

/**
 * Sends `source` as the body and waits for a good head of the answer, which the caller then reads. An early refusal ends the
 * transfer. Throws the source's error as it is, else what `expectOk` throws. `source` is always consumed or destroyed.
 */
export async function sendFile(stream: GuestStream, source: Readable, { what, stallMs, finishMs }: TransferOptions): Promise<void> {
  let phase: "sending" | "sent" | "refused" = "sending";
  const answered = stream.status.then(ignore, ignore).then(() => {
    if (phase !== "sending") return;
    phase = "refused";
    source.destroy();
  });
  try {
    for await (const chunk of source as AsyncIterable<Uint8Array>) {
      if (!stream.write(chunk)) await drained({ stream, answered, what, stallMs });
      if (stream.destroyed) break;
    }
    if (phase === "sending") phase = "sent";
  } catch (error) {
    // Destroying the source makes reading it fail: then the answer is what counts.
    if (phase === "sending") {
      stream.destroy();
      throw error;
    }
  }
  stream.end();
  using _bound = bound(stream, { what, timeoutMs: finishMs });
  await expectOk(stream, what);
}

/** The body of an answer; it fails with `guest.unreachable` when the guest stops sending while somebody reads. */
export function receiveFile(stream: GuestStream, { stallMs }: Pick<TransferOptions, "stallMs">): Readable {
  stream.end();
  stream.failWhenIdle(stallMs);
  return stream;
}

interface Draining extends Pick<TransferOptions, "what" | "stallMs"> {
  readonly stream: GuestStream;
  /** Settles when there is an answer, after which the agent may never read on. */
  readonly answered: Promise<void>;
}

async function drained({ stream, answered, what, stallMs }: Draining): Promise<void> {
  using _bound = bound(stream, { what, timeoutMs: stallMs });
  const over = new AbortController();
  const signal = over.signal;
  try {
    await Promise.race([once(stream, "drain", { signal }), once(stream, "close", { signal }), answered]);
  } finally {
    over.abort();
  }
}

function ignore(): void {}
