// The guest's half of the serial handshake (docs/guest-protocol.md, "Channel") for the fake agent. Like the real virtio-serial
// port it outlives its hosts: what one left unread reaches the next.
import { Duplex } from "node:stream";

const MAGIC = Buffer.from("BNGRSYNC");
const NONCE_BYTES = 16;
const PREFACE_BYTES = 24;
const HEADER_BYTES = 9;
const MAX_FRAME = 16_384;
const MAX_STALE = 64 * 1024;

/** One session's bytes, between the handshake and the next host's padding. */
class SerialSession extends Duplex {
  readonly #port: FakeSerialPort;

  constructor(port: FakeSerialPort) {
    super({ allowHalfOpen: true });
    this.#port = port;
    this.on("error", () => undefined);
  }

  override _read(): void {
    this.#port.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#port.send(this, chunk, done);
  }
}

export class FakeSerialPort {
  readonly #serve: (session: Duplex) => void;
  #host: Duplex | undefined;
  #session: SerialSession | undefined;
  /** Input that is not yet part of anything. */
  #input: Buffer = Buffer.alloc(0);
  /** Bytes that must still come before the next frame header is due. */
  #untilHeader = 0;
  readonly #stale: Buffer[] = [];

  constructor(serve: (session: Duplex) => void) {
    this.#serve = serve;
  }

  /** A host has opened the port; a former one is cut off, as QEMU takes one client at a time. */
  attach(host: Duplex): void {
    this.#host?.destroy();
    this.#host = host;
    for (const bytes of this.#stale.splice(0)) host.write(bytes);
    host.on("error", () => undefined);
    host.on("data", (chunk: Buffer) => this.#feed(chunk));
    host.once("close", () => this.#detach(host));
    host.once("end", () => host.destroy());
  }

  /** Leaves bytes in the port that the next host finds first. */
  leaveStale(bytes: Buffer): void {
    this.#stale.push(bytes);
  }

  resume(): void {
    this.#host?.resume();
  }

  send(session: Duplex, chunk: Buffer, done: (error?: Error | null) => void): void {
    if (session !== this.#session) done(new Error("the session is over"));
    else {
      // Not awaited: see eager-writes.ts.
      if (this.#host !== undefined) this.#host.write(chunk);
      else if (this.#stale.length * MAX_FRAME < MAX_STALE) this.#stale.push(chunk);
      done();
    }
  }

  #detach(host: Duplex): void {
    if (this.#host !== host) return;
    this.#host = undefined;
    this.#endSession();
  }

  #feed(chunk: Buffer): void {
    this.#input = Buffer.concat([this.#input, chunk]);
    for (;;) {
      const session = this.#session;
      const before = this.#input.length;
      if (session === undefined) this.#scan();
      else this.#passOn(session);
      const hasMoved = this.#session !== session || this.#input.length !== before;
      if (!hasMoved || this.#input.length === 0) return;
    }
  }

  #scan(): void {
    const at = this.#input.indexOf(MAGIC);
    if (at < 0) this.#input = this.#input.subarray(Math.max(0, this.#input.length - MAGIC.length + 1));
    else if (this.#input.length >= at + MAGIC.length + NONCE_BYTES) {
      const end = at + MAGIC.length + NONCE_BYTES;
      this.#host?.write(Buffer.from(this.#input.subarray(at, end)));
      this.#input = this.#input.subarray(end);
      this.#untilHeader = PREFACE_BYTES;
      this.#session = new SerialSession(this);
      this.#serve(this.#session);
    }
  }

  #passOn(session: SerialSession): void {
    if (this.#untilHeader === 0) {
      if (this.#input.length < HEADER_BYTES) return;
      const header = this.#input.subarray(0, HEADER_BYTES);
      const length = header.readUIntBE(0, 3);
      if (length > MAX_FRAME || header.every((byte) => byte === 0)) {
        this.#endSession();
        return;
      }
      this.#untilHeader = HEADER_BYTES + length;
    }
    const take = Math.min(this.#untilHeader, this.#input.length);
    const bytes = Buffer.from(this.#input.subarray(0, take));
    this.#input = this.#input.subarray(take);
    this.#untilHeader -= take;
    if (!session.push(bytes)) this.#host?.pause();
  }

  #endSession(): void {
    const session = this.#session;
    this.#session = undefined;
    session?.destroy(new Error("the host has gone"));
    this.#host?.resume();
  }
}
