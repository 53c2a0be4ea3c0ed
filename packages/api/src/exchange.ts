// One request and its whole answer over a Unix socket, as HTTP/1.0 (RFC 1945): the end of the connection is the end of the
// answer. node:http would do, but loading it and making its request takes longer than all else a short command does.
import { connect } from "node:net";
import { BangerError } from "./errors.ts";
import { shortSocketPath } from "./socket-path.ts";
import { cancelled, cutShort, notBanger, unreachable } from "./unreachable.ts";
import { VERSION_HEADER } from "./version.ts";

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

export interface Answer {
  readonly status: number;
  /** The daemon's version; undefined of one that does not tell. */
  readonly daemonVersion: string | undefined;
  readonly body: string;
}

/** Throws `daemon.unreachable`, `operation.cancelled`. */
export function exchange({ socketPath, method, url, body, signal, timeoutMs }: ExchangeRequest): Promise<Answer> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(cancelled(signal.reason));
    using short = shortSocketPath(socketPath);
    const socket = connect({ path: short.path });
    const chunks: Buffer[] = [];
    const fail = (error: BangerError) => {
      socket.destroy();
      reject(error);
    };
    const abort = () => fail(cancelled(signal?.reason));
    signal?.addEventListener("abort", abort, { once: true });
    if (timeoutMs !== undefined) socket.setTimeout(timeoutMs, () => fail(mute(socketPath, timeoutMs)));
    socket.on("data", (chunk) => void chunks.push(chunk));
    socket.once("error", (error) => fail(unreachable(socketPath, error)));
    socket.once("close", () => {
      signal?.removeEventListener("abort", abort);
      // After an error this comes too late to matter.
      try {
        resolve(parseAnswer(Buffer.concat(chunks), socketPath));
      } catch (error) {
        reject(error);
      }
    });
    socket.write(requestText(method, url, body));
  });
}

function requestText(method: string, url: string, body: unknown): string {
  const head = `${method} ${url} HTTP/1.0\r\nhost: banger\r\n`;
  if (body === undefined) return `${head}\r\n`;
  const text = JSON.stringify(body);
  return `${head}content-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
}

function parseAnswer(bytes: Buffer, socketPath: string): Answer {
  if (bytes.length === 0) throw unreachable(socketPath, Object.assign(new Error("closed without an answer"), { code: "ECONNRESET" }));
  const end = bytes.indexOf("\r\n\r\n");
  const head = bytes.subarray(0, Math.max(end, 0)).toString("latin1");
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1];
  if (status === undefined) throw notBanger(socketPath, "it does not speak HTTP");
  const body = bytes.subarray(end + 4);
  if (body.length < Number(headerOf(head, "content-length") ?? 0)) throw cutShort();
  return { status: Number(status), daemonVersion: headerOf(head, VERSION_HEADER), body: body.toString("utf8") };
}

function headerOf(head: string, name: string): string | undefined {
  return new RegExp(`\r\n${name}:[ \t]*([^\r\n]*)`, "i").exec(head)?.[1];
}

function mute(socketPath: string, timeoutMs: number): BangerError {
  return new BangerError("daemon.unreachable", `what listens at ${socketPath} has not answered in ${timeoutMs / 1000} s`, {
    hint: "banger daemon logs; end it if it hangs: VMs keep running",
  });
}
