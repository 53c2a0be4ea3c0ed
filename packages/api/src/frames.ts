// The framing of exec streams, both on the API and towards the guest: Docker's multiplexed stream.
// 1 byte type, 3 zero bytes, 4 bytes big-endian payload length, payload.
// https://docs.docker.com/reference/api/engine/version/v1.47/#tag/Container/operation/ContainerAttach

export const FRAME = { stdin: 0, stdout: 1, stderr: 2, control: 3 } as const;
export type FrameType = (typeof FRAME)[keyof typeof FRAME];

export interface Frame {
  readonly type: FrameType;
  readonly payload: Buffer;
}

/** Largest payload in one frame, in bytes. Longer data is cut into several. */
export const MAX_FRAME_PAYLOAD = 32 * 1024;
const HEADER = 8;

/** Control messages. Host to guest: start, eof, resize, signal. Guest to host: started, failed, exit. */
export type Control =
  | { readonly type: "eof" }
  | { readonly type: "resize"; readonly cols: number; readonly rows: number }
  | { readonly type: "signal"; readonly signal: string }
  | { readonly type: "started"; readonly pid: number }
  | { readonly type: "failed"; readonly code: string; readonly message: string }
  | { readonly type: "exit"; readonly status: number }
  | { readonly type: "exit"; readonly signal: string; readonly number: number };

export function encodeFrame(type: FrameType, payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(HEADER + payload.length);
  frame.writeUInt32BE(type * 0x1000000, 0);
  frame.writeUInt32BE(payload.length, 4);
  frame.set(payload, HEADER);
  return frame;
}

export function encodeControl(control: Control | Readonly<Record<string, unknown>>): Buffer {
  return encodeFrame(FRAME.control, Buffer.from(JSON.stringify(control)));
}

/** Frames of `data`, none longer than `MAX_FRAME_PAYLOAD`. */
export function* encodeData(type: FrameType, data: Uint8Array): Generator<Buffer> {
  for (let at = 0; at < data.length; at += MAX_FRAME_PAYLOAD) {
    yield encodeFrame(type, data.subarray(at, at + MAX_FRAME_PAYLOAD));
  }
}

/** Cuts a byte stream into frames, whatever the chunks. Throws on an unknown type or a payload over 1 MiB. */
export class FrameDecoder {
  #rest: Buffer = Buffer.alloc(0);

  push(chunk: Uint8Array): Frame[] {
    this.#rest = this.#rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#rest, chunk]);
    const frames: Frame[] = [];
    while (this.#rest.length >= HEADER) {
      const type = this.#rest.readUInt8(0);
      const length = this.#rest.readUInt32BE(4);
      if (!isFrameType(type) || length > 1024 * 1024) throw new Error(`bad frame: type ${type}, length ${length}`);
      if (this.#rest.length < HEADER + length) break;
      frames.push({ type, payload: this.#rest.subarray(HEADER, HEADER + length) });
      this.#rest = this.#rest.subarray(HEADER + length);
    }
    return frames;
  }
}

function isFrameType(type: number): type is FrameType {
  return type >= FRAME.stdin && type <= FRAME.control;
}
