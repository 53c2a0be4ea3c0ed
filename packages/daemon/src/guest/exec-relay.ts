// Carries one exec between an upgraded API connection and the guest: frames both ways with backpressure, the caller's hang-up
// to the guest, and a last word to the caller whatever happens to the guest.
import { once } from "node:events";
import type { Duplex } from "node:stream";
import { BangerError, encodeControl, encodeFrame, FRAME, FrameDecoder, type Frame } from "@banger/api";
import { execControlMessage, type ExecControl } from "./messages.ts";

/** How an exec ended, for logs and the operation's record. */
export type ExecOutcome =
  | { readonly kind: "exited"; readonly status: number }
  | { readonly kind: "signalled"; readonly signal: string; readonly number: number }
  /** The command did not start, or the guest went away (`code` is `guest_lost` then). */
  | { readonly kind: "failed"; readonly code: string; readonly message: string }
  | { readonly kind: "hung_up" };

/** How often a caller whose input the guest does not take is asked whether it is still there, in milliseconds. */
const PROBE_MS = 1000;

/**
 * Relays until the exec has ended and the caller has taken everything, or the caller is gone. Both streams are closed
 * afterwards. Never throws: what went wrong is in the outcome.
 */
export async function relayExec(api: Duplex, guest: Duplex): Promise<ExecOutcome> {
  const hangUp = new AbortController();
  // A caller that was killed shows as an end only, so a half-close is a hang-up too: the end of stdin is a control of its own.
  const onHangUp = () => {
    hangUp.abort();
    guest.destroy();
  };
  api.once("end", onHangUp).once("close", onHangUp).on("error", onHangUp);
  guest.on("error", ignore);
  // Gone while the guest still began the command: none of these comes again.
  if (api.destroyed || api.readableEnded) onHangUp();
  const input = relayInput(api, guest);
  const outcome = await relayOutput(api, guest, hangUp.signal);
  guest.destroy();
  // Closing before the caller has ended would fail its next write, and then it may never read what it was sent.
  api.end();
  await input;
  api.destroy();
  return outcome;
}

/** The caller's frames as they are: the agent judges them, and they act in the caller's own guest. Once the guest takes no more
 *  they are dropped. */
async function relayInput(api: Duplex, guest: Duplex): Promise<void> {
  try {
    for await (const chunk of api.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      if (guest.writable && !guest.write(chunk)) await drained(guest, api);
    }
  } catch {
    // A caller that is gone is seen by its close.
  }
}

async function drained(guest: Duplex, api: Duplex): Promise<void> {
  // While its input is not read, a caller's death is not seen either: only a write tells. An empty frame is no output.
  const probe = setInterval(() => {
    if (api.writableLength === 0 && api.writable) api.write(encodeFrame(FRAME.stdout, Buffer.alloc(0)));
  }, PROBE_MS);
  try {
    await canWrite(guest, api);
  } catch {
    // A guest that is gone takes no more; the caller's input is still read, to its end.
  } finally {
    clearInterval(probe);
  }
}

/** Waits until `stream` takes more, or it or `other` has closed. Throws when `stream` fails or `signal` aborts. */
async function canWrite(stream: Duplex, other: Duplex, signal?: AbortSignal): Promise<void> {
  const over = new AbortController();
  const options = { signal: signal === undefined ? over.signal : AbortSignal.any([over.signal, signal]) };
  try {
    await Promise.race([once(stream, "drain", options), once(stream, "close", options), once(other, "close", options)]);
  } finally {
    over.abort();
  }
}

/** The guest's frames, checked, up to the one that ends the exec. */
async function relayOutput(api: Duplex, guest: Duplex, hangUp: AbortSignal): Promise<ExecOutcome> {
  const decoder = new FrameDecoder();
  let failure: unknown;
  try {
    for await (const chunk of guest.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      const { bytes, outcome } = checked(decoder.push(chunk));
      if (bytes.length > 0 && api.writable && !api.write(bytes) && outcome === undefined) await canWrite(api, guest, hangUp);
      if (outcome !== undefined) return outcome;
    }
  } catch (error) {
    failure = error;
  }
  if (hangUp.aborted) return { kind: "hung_up" };
  const outcome = lost(failure);
  api.write(encodeControl({ type: "failed", code: outcome.code, message: outcome.message }));
  return outcome;
}

/** What of the guest's frames may go on to the caller, up to the one that ends the exec. */
function checked(frames: readonly Frame[]): { readonly bytes: Buffer; readonly outcome: ExecOutcome | undefined } {
  const out: Buffer[] = [];
  for (const { type, payload } of frames) {
    if (type === FRAME.stdout || type === FRAME.stderr) out.push(encodeFrame(type, payload));
    if (type !== FRAME.control) continue;
    const control = execControlMessage.parse(JSON.parse(payload.toString("utf8")));
    out.push(encodeControl(control));
    if (control.type !== "started") return { bytes: Buffer.concat(out), outcome: outcomeOf(control) };
  }
  return { bytes: Buffer.concat(out), outcome: undefined };
}

function outcomeOf(control: Exclude<ExecControl, { type: "started" }>): ExecOutcome {
  if (control.type === "failed") return { kind: "failed", code: control.code, message: control.message };
  if ("status" in control) return { kind: "exited", status: control.status };
  return { kind: "signalled", signal: control.signal, number: control.number };
}

function lost(error: unknown): Extract<ExecOutcome, { kind: "failed" }> {
  const message = error instanceof BangerError ? error.message : "the guest ended the command's stream before its exit status";
  return { kind: "failed", code: "guest_lost", message };
}

function ignore(): void {}
