// The HTTP/2 connection to the agent over a byte stream: its limits, its loss, and the start of each request.
import { connect, constants, type ClientHttp2Session } from "node:http2";
import type { Duplex } from "node:stream";
import { BangerError } from "@banger/api";
import { GuestStream } from "./guest-stream.ts";

/** Receive windows in bytes, as settled in docs/guest-protocol.md: more makes a small call wait behind a bulk one. */
const STREAM_WINDOW = 512 * 1024;
const CONNECTION_WINDOW = 1024 * 1024;
/** What the agent allows (docs/guest-protocol.md). */
const MAX_STREAMS = 1000;

export interface GuestRequest {
  readonly method: "GET" | "POST" | "PUT";
  readonly path: string;
  /** What it is for, in errors. */
  readonly what: string;
  /** True when a body follows; the caller ends it. */
  readonly hasBody: boolean;
  readonly contentType?: string;
}

export class GuestSession implements AsyncDisposable {
  /** Resolves when the connection is gone, whoever ended it. */
  readonly closed: Promise<void>;
  readonly #session: ClientHttp2Session;
  readonly #channel: Duplex;
  readonly #streams = new Set<GuestStream>();
  #cause: Error | undefined;

  constructor(channel: Duplex) {
    this.#channel = channel;
    this.#session = connect("http://agent", {
      createConnection: () => channel,
      settings: { enablePush: false, initialWindowSize: STREAM_WINDOW, maxHeaderListSize: 16 * 1024 },
      maxHeaderListPairs: 32,
      // MB. Above what MAX_STREAMS small requests take; the default of 10 refuses a few hundred parallel execs.
      maxSessionMemory: 64,
      peerMaxConcurrentStreams: MAX_STREAMS,
    });
    const session = this.#session;
    // A guest that breaks off at once ends the session before it has announced itself.
    session.once("connect", () => session.destroyed || session.setLocalWindowSize(CONNECTION_WINDOW));
    session.on("error", (error: Error) => this.#end(error));
    session.on("goaway", (code: number) => this.#end(new Error(`the agent closed the connection (HTTP/2 code ${code})`)));
    channel.once("error", (error: Error) => this.#end(error));
    channel.once("close", () => this.#end(new Error("the channel closed")));
    channel.once("end", () => this.#end(new Error("the channel ended")));
    this.closed = new Promise((resolve) => {
      session.once("close", () => {
        this.#end(new Error("the connection closed"));
        resolve();
      });
    });
  }

  /** Begins a request. Throws `guest.unreachable` when the connection is gone. */
  start(request: GuestRequest): GuestStream {
    const lost = this.#loss();
    if (lost !== undefined) throw lost;
    try {
      const inner = this.#session.request(
        {
          ":method": request.method,
          ":path": request.path,
          ...(request.contentType === undefined ? {} : { "content-type": request.contentType }),
        },
        { endStream: !request.hasBody },
      );
      const stream = new GuestStream(inner, { what: request.what, lost: (cause) => this.#loss(cause) });
      this.#streams.add(stream);
      inner.once("end", () => this.#streams.delete(stream));
      stream.once("close", () => this.#streams.delete(stream));
      return stream;
    } catch (error) {
      throw unreachable(error);
    }
  }

  #loss(cause?: Error): BangerError | undefined {
    if (this.#cause !== undefined) return unreachable(this.#cause);
    return this.#session.destroyed || this.#session.closed ? unreachable(cause) : undefined;
  }

  /** The connection is of no more use: every stream fails now rather than at some timeout. */
  #end(cause: Error): void {
    this.#cause ??= cause;
    if (!this.#session.destroyed) this.#session.destroy(undefined, constants.NGHTTP2_CANCEL);
    // node:http2 would wait for its last writes, which a guest that does not read can hold up for ever.
    if (!this.#channel.destroyed) this.#channel.destroy();
    // Nor does it end a stream that has unread data. One that was received in full is left to its reader.
    for (const stream of this.#streams) stream.destroy(unreachable(this.#cause));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end(new Error("the daemon closed the connection"));
    await this.closed;
  }
}

export function unreachable(cause: unknown): BangerError {
  const reason = cause instanceof Error ? `: ${cause.message}` : "";
  return new BangerError("guest.unreachable", `the guest's agent cannot be reached${reason}`, { cause });
}
