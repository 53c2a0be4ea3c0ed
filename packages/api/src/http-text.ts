// What HTTP/1 looks like (RFC 9112), as far as a client of one request per connection must know. node:http would do, but loading
// it and making its request takes longer than all else a short command does.
import { cutShort, notBanger, unreachable } from "./unreachable.ts";
import { VERSION_HEADER } from "./version.ts";

export interface RequestText {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  /** 1.0: the end of the connection is the end of the answer. */
  readonly version: "1.0" | "1.1";
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
}

export interface Answer {
  readonly status: number;
  /** The daemon's full version; undefined of one that does not tell. */
  readonly daemonVersion: string | undefined;
  readonly body: string;
}

export function requestText({ method, url, version, headers = {}, body }: RequestText): string {
  const text = body === undefined ? "" : JSON.stringify(body);
  const ofBody = body === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(text) };
  const lines = Object.entries({ host: "banger", ...headers, ...ofBody }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${url} HTTP/${version}\r\n${lines.join("")}\r\n${text}`;
}

/** Bytes of the whole answer that begins so; without end where it does not tell. */
export function wholeSize(begin: Buffer): number {
  const { head, bodyAt } = splitHead(begin);
  const length = headerOf(head, "content-length");
  return length === undefined ? Number.POSITIVE_INFINITY : bodyAt + Number(length);
}

/** Throws `daemon.unreachable` when it is none, or not whole. */
export function parseAnswer(bytes: Buffer, socketPath: string): Answer {
  if (bytes.length === 0) throw unreachable(socketPath, Object.assign(new Error("closed without an answer"), { code: "ECONNRESET" }));
  const { head, bodyAt } = splitHead(bytes);
  const status = statusOf(head);
  if (status === undefined) throw notBanger(socketPath, "it does not speak HTTP");
  const body = bytes.subarray(bodyAt);
  if (body.length < Number(headerOf(head, "content-length") ?? 0)) throw cutShort();
  return { status, daemonVersion: headerOf(head, VERSION_HEADER), body: body.toString("utf8") };
}

/** The head is empty while it is not whole. */
export function splitHead(bytes: Buffer): { readonly head: string; readonly bodyAt: number } {
  const end = bytes.indexOf("\r\n\r\n");
  return { head: bytes.subarray(0, Math.max(end, 0)).toString("latin1"), bodyAt: end + 4 };
}

/** Undefined when it is not HTTP. */
export function statusOf(head: string): number | undefined {
  const digits = /^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

function headerOf(head: string, name: string): string | undefined {
  return new RegExp(`\r\n${name}:[ \t]*([^\r\n]*)`, "i").exec(head)?.[1];
}
