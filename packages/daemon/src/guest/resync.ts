// The host's half of the serial handshake (docs/guest-protocol.md, "Channel"). A virtio-serial port is not a connection: what
// an earlier host left in it still arrives, so both sides agree on a fresh starting point before HTTP/2 begins.
import type { Duplex } from "node:stream";

/** Marks the start of a session, before its nonce. */
export const RESYNC_MAGIC: Buffer = Buffer.from("BNGRSYNC");
/** Bytes of the random nonce that tells this session's echo from an older one's. */
export const RESYNC_NONCE_BYTES = 16;
/** More zero bytes than any rest of a frame the agent may still be waiting for (9 + 16,384), so that it then reads a zero header. */
export const RESYNC_ZERO_BYTES = 16_411;

/**
 * Writes zeros, magic and `nonce`, then drops input until the agent has echoed magic and nonce; what follows stays readable.
 * Memory is bounded whatever arrives; time is bounded by `signal`. Throws the stream's error, the signal's reason, or an Error
 * when the stream ends. The stream is left to the caller, also after a failure.
 */
export async function resync(stream: Duplex, nonce: Uint8Array, signal: AbortSignal): Promise<void> {
  if (nonce.length !== RESYNC_NONCE_BYTES) throw new RangeError(`a nonce has ${RESYNC_NONCE_BYTES} bytes, not ${nonce.length}`);
  const echo = Buffer.concat([RESYNC_MAGIC, nonce]);
  signal.throwIfAborted();
  stream.write(Buffer.concat([Buffer.alloc(RESYNC_ZERO_BYTES), echo]));
  await untilEcho(stream, echo, signal);
}

function untilEcho(stream: Duplex, echo: Buffer, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    let tail: Buffer = Buffer.alloc(0);
    const settle = (act: () => void) => {
      stream.off("readable", onReadable).off("end", onEnd).off("close", onEnd).off("error", onError);
      signal.removeEventListener("abort", onAbort);
      act();
    };
    const onReadable = () => {
      for (let chunk: Buffer | null = stream.read(); chunk !== null; chunk = stream.read()) {
        const seen = Buffer.concat([tail, chunk]);
        const at = seen.indexOf(echo);
        if (at >= 0) {
          settle(() => {
            const rest = seen.subarray(at + echo.length);
            if (rest.length > 0) stream.unshift(rest);
            resolve();
          });
          return;
        }
        // Just enough for an echo cut in two by a chunk's end.
        tail = Buffer.from(seen.subarray(Math.max(0, seen.length - echo.length + 1)));
      }
    };
    const onEnd = () => settle(() => reject(new Error("the channel ended before the agent answered the handshake")));
    const onError = (error: Error) => settle(() => reject(error));
    const onAbort = () => settle(() => reject(signal.reason as Error));
    stream.on("readable", onReadable).once("end", onEnd).once("close", onEnd).once("error", onError);
    signal.addEventListener("abort", onAbort, { once: true });
  });
}
