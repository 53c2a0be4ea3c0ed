// One request and its whole answer over a Unix socket, as HTTP/1.0 (RFC 1945): the end of the connection is the end of the
// answer. node:http would do, but loading it and making its request takes longer than all else a short command does.
import { connect, type Socket } from "node:net";
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
    socket.write(requestText(method, url, body));
  });
}

function connectTo(socketPath: string): Socket {
  try {
    using short = shortSocketPath(socketPath);
    return connect({ path: short.path });
  } catch (error) {
    // The directory of a path that is too long for the kernel.
    throw unreachable(socketPath, error as NodeJS.ErrnoException);
  }
}

function requestText(method: string, url: string, body: unknown): string {
  const head = `${method} ${url} HTTP/1.0\r\nhost: banger\r\n`;
  if (body === undefined) return `${head}\r\n`;
  const text = JSON.stringify(body);
  return `${head}content-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
}

/** Bytes of the whole answer that begins so; without end where it does not tell. */
function wholeSize(begin: Buffer): number {
  const { head, bodyAt } = splitHead(begin);
  const length = headerOf(head, "content-length");
  return length === undefined ? Number.POSITIVE_INFINITY : bodyAt + Number(length);
}

function parseAnswer(bytes: Buffer, socketPath: string): Answer {
  if (bytes.length === 0) throw unreachable(socketPath, Object.assign(new Error("closed without an answer"), { code: "ECONNRESET" }));
  const { head, bodyAt } = splitHead(bytes);
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1];
  if (status === undefined) throw notBanger(socketPath, "it does not speak HTTP");
  const body = bytes.subarray(bodyAt);
  if (body.length < Number(headerOf(head, "content-length") ?? 0)) throw cutShort();
  return { status: Number(status), daemonVersion: headerOf(head, VERSION_HEADER), body: body.toString("utf8") };
}

/** The head is empty while it is not whole. */
function splitHead(bytes: Buffer): { readonly head: string; readonly bodyAt: number } {
  const end = bytes.indexOf("\r\n\r\n");
  return { head: bytes.subarray(0, Math.max(end, 0)).toString("latin1"), bodyAt: end + 4 };
}

function headerOf(head: string, name: string): string | undefined {
  return new RegExp(`\r\n${name}:[ \t]*([^\r\n]*)`, "i").exec(head)?.[1];
}

function mute(socketPath: string, timeoutMs: number): BangerError {
  return new BangerError("daemon.unreachable", `what listens at ${socketPath} has not answered in ${timeoutMs / 1000} s`, {
    hint: "banger daemon logs; end it if it hangs: VMs keep running",
  });
}
