// One HTTP/2 stream towards the agent as an ordinary Duplex. It hides what node:http2 does its own way: a lost connection
// becomes an error (never a silent close), a stream the agent has finished with swallows writes, half-close is kept both ways.
import { constants, type ClientHttp2Stream, type IncomingHttpHeaders } from "node:http2";
import { Duplex } from "node:stream";
import { BangerError } from "@banger/api";

const BUFFER_BYTES = 64 * 1024;

export interface GuestStreamOptions {
  /** What the stream is for, in errors: "exec", "GET /v1/health". */
  readonly what: string;
  /** The loss of the connection, by `cause` when nothing better is known; undefined while the connection is there. */
  readonly lost: (cause?: Error) => BangerError | undefined;
}

export class GuestStream extends Duplex {
  /** The answer's HTTP status; rejects when the stream ends without one. */
  readonly status: Promise<number>;
  readonly #inner: ClientHttp2Stream;
  readonly #options: GuestStreamOptions;
  #idleLimitMs: number | undefined;
  #idleTimer: NodeJS.Timeout | undefined;

  constructor(inner: ClientHttp2Stream, options: GuestStreamOptions) {
    super({ allowHalfOpen: true, readableHighWaterMark: BUFFER_BYTES, writableHighWaterMark: BUFFER_BYTES });
    this.#inner = inner;
    this.#options = options;
    // A guest chooses when to break a stream: a moment without a listener must not end the daemon.
    this.on("error", ignore);
    this.status = new Promise((resolve, reject) => {
      inner.once("response", (headers: IncomingHttpHeaders & { readonly ":status"?: number }) => resolve(headers[":status"] ?? 0));
      this.once("close", () => reject(this.errored ?? this.#broken()));
    });
    this.status.catch(ignore);
    this.#follow(inner);
  }

  /** Breaks the stream with `guest.unreachable` when somebody reads and nothing comes for so long. */
  failWhenIdle(limitMs: number): void {
    this.#idleLimitMs = limitMs;
  }

  #follow(inner: ClientHttp2Stream): void {
    inner.on("data", (chunk: Buffer) => {
      this.#stopIdleTimer();
      if (!this.push(chunk)) inner.pause();
    });
    inner.pause();
    inner.once("end", () => {
      this.#stopIdleTimer();
      this.push(null);
    });
    inner.once("error", (error: Error) => this.destroy(this.#broken(error)));
    inner.once("close", () => {
      if (!inner.readableEnded || inner.rstCode !== constants.NGHTTP2_NO_ERROR) this.destroy(this.#broken());
      else if (this.readableEnded) this.destroy();
      else this.once("end", () => this.destroy());
    });
  }

  #broken(cause?: Error): BangerError {
    const lost = this.#options.lost(cause);
    if (lost !== undefined) return lost;
    const code = this.#inner.rstCode ?? 0;
    return new BangerError(
      "guest.failed",
      `the guest broke off ${this.#options.what} (HTTP/2 code ${code})`,
      cause === undefined ? {} : { cause },
    );
  }

  override _read(): void {
    this.#inner.resume();
    if (this.#idleLimitMs === undefined || this.#idleTimer !== undefined) return;
    const limitMs = this.#idleLimitMs;
    this.#idleTimer = setTimeout(
      () => this.destroy(new BangerError("guest.unreachable", `the guest sent nothing of ${this.#options.what} for ${limitMs / 1000} s`)),
      limitMs,
    );
  }

  #stopIdleTimer(): void {
    clearTimeout(this.#idleTimer);
    this.#idleTimer = undefined;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#send(chunk, done);
  }

  override _writev(chunks: ReadonlyArray<{ readonly chunk: Buffer }>, done: (error?: Error | null) => void): void {
    this.#send(Buffer.concat(chunks.map(({ chunk }) => chunk)), done);
  }

  #send(data: Buffer, done: (error?: Error | null) => void): void {
    const inner = this.#inner;
    // The agent answered in full and reads no more (an exec that ended with unread stdin). Failing the write would throw away
    // the output that is still to be read.
    if (inner.closed || inner.destroyed || inner.writableEnded) done();
    else inner.write(data, (error) => done(error === undefined || error === null || inner.closed ? null : this.#broken(error)));
  }

  override _final(done: (error?: Error | null) => void): void {
    const inner = this.#inner;
    if (inner.closed || inner.destroyed || inner.writableEnded) done();
    else inner.end(() => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const inner = this.#inner;
    this.#stopIdleTimer();
    inner.on("error", ignore);
    const isComplete = error === null && this.readableEnded && this.writableFinished;
    // Once both directions have ended, a reset could overtake the end that is still being sent.
    if (!isComplete && !inner.closed && !inner.destroyed) inner.close(constants.NGHTTP2_CANCEL);
    // What nobody will read must not hold the stream open.
    inner.resume();
    done(error);
  }
}

function ignore(): void {}
