// A request whose connection is the caller's afterwards, for raw bytes both ways (RFC 9110, section 7.8).
import type { Duplex } from "node:stream";
import { parseAnswer, requestText, splitHead, statusOf, wholeSize } from "./http-text.ts";
import { connectTo } from "./socket-path.ts";
import { BangerError } from "./errors.ts";
import { cancelled, errorOf, unreachable } from "./unreachable.ts";

export interface UpgradeRequest {
  readonly socketPath: string;
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  /** Gives up on the upgrade; a connection that was handed over is the caller's to end. */
  readonly signal?: AbortSignal | undefined;
}

const UPGRADE = { connection: "Upgrade", upgrade: "banger-stream" } as const;
const SWITCHING_PROTOCOLS = 101;

/** Half-closed by either side it goes on. Throws the daemon's BangerError, `daemon.unreachable`, `operation.cancelled`. */
export function upgrade({ socketPath, method, url, signal }: UpgradeRequest): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) throw cancelled(signal.reason);
    const socket = connectTo(socketPath, { allowHalfOpen: true });
    let bytes = Buffer.alloc(0);
    const letGo = () => {
      signal?.removeEventListener("abort", abort);
      socket.off("readable", take).off("end", refused).off("error", fail);
    };
    const refuse = (why: unknown) => {
      letGo();
      socket.on("error", () => undefined).destroy();
      reject(why);
    };
    const abort = () => refuse(cancelled(signal?.reason));
    const fail = (error: NodeJS.ErrnoException) => refuse(unreachable(socketPath, error));
    const refused = () => {
      try {
        refuse(refusalOf(bytes, { socketPath, url }));
      } catch (error) {
        refuse(error);
      }
    };
    // Read by hand, not by "data": the stream then comes to the caller as if nobody had looked at it.
    const take = () => {
      for (let chunk: unknown = socket.read(); chunk !== null; chunk = socket.read()) bytes = Buffer.concat([bytes, chunk as Buffer]);
      const { head, bodyAt } = splitHead(bytes);
      if (statusOf(head) !== SWITCHING_PROTOCOLS) return bytes.length >= wholeSize(bytes) ? refused() : undefined;
      letGo();
      if (bytes.length > bodyAt) socket.unshift(bytes.subarray(bodyAt));
      resolve(socket);
    };
    signal?.addEventListener("abort", abort, { once: true });
    socket.on("readable", take).once("end", refused).once("error", fail);
    socket.write(requestText({ method, url, version: "1.1", headers: UPGRADE }));
  });
}

/** Throws `daemon.unreachable` when it is no answer. */
function refusalOf(bytes: Buffer, { socketPath, url }: { readonly socketPath: string; readonly url: string }): BangerError {
  const answer = parseAnswer(bytes, socketPath);
  if (answer.status >= 400) return errorOf({ ...answer, socketPath });
  return new BangerError("daemon.unreachable", `${url} did not upgrade the connection`);
}
