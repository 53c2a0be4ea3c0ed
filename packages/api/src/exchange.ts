// One request and its whole answer over a Unix socket, as HTTP/1.0.
import { BangerError } from "./errors.ts";
import { parseAnswer, requestText, wholeSize, type Answer } from "./http-text.ts";
import { connectTo } from "./socket-path.ts";
import { cancelled, unreachable } from "./unreachable.ts";

export interface ExchangeRequest {
  readonly socketPath: string;
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds of silence after which the other side counts as hanging; for ever without it. */
  readonly timeoutMs?: number | undefined;
}

/** Throws `daemon.unreachable`, `operation.cancelled`. */
export function exchange({ socketPath, method, url, body, signal, timeoutMs }: ExchangeRequest): Promise<Answer> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) throw cancelled(signal.reason);
    const socket = connectTo(socketPath);
    const end = (settle: () => void) => {
      signal?.removeEventListener("abort", abort);
      socket.destroy();
      settle();
    };
    const fail = (error: unknown) => end(() => reject(error));
    const abort = () => fail(cancelled(signal?.reason));
    signal?.addEventListener("abort", abort, { once: true });
    if (timeoutMs !== undefined) socket.setTimeout(timeoutMs, () => fail(mute(socketPath, timeoutMs)));
    const chunks: Buffer[] = [];
    const finish = () => {
      try {
        const answer = parseAnswer(Buffer.concat(chunks), socketPath);
        end(() => resolve(answer));
      } catch (error) {
        fail(error);
      }
    };
    let [size, whole] = [0, Number.POSITIVE_INFINITY];
    socket.on("data", (chunk) => {
      if (size === 0) whole = wholeSize(chunk);
      chunks.push(chunk);
      size += chunk.length;
      // The end of the connection takes two milliseconds more.
      if (size >= whole) finish();
    });
    socket.once("error", (error) => fail(unreachable(socketPath, error)));
    // After an answer or an error this comes too late to matter.
    socket.once("close", finish);
    socket.write(requestText({ method, url, version: "1.0", body }));
  });
}

function mute(socketPath: string, timeoutMs: number): BangerError {
  return new BangerError("daemon.unreachable", `what listens at ${socketPath} has not answered in ${timeoutMs / 1000} s`, {
    hint: "banger daemon logs; end it if it hangs: VMs keep running",
    cause: Object.assign(new Error("no answer"), { code: "ETIMEDOUT" }),
  });
}
