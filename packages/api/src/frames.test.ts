import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { encodeControl, encodeData, encodeFrame, FRAME, FrameDecoder, MAX_FRAME_PAYLOAD, type FrameType } from "./frames.ts";

const frameType = fc.constantFrom<FrameType>(0, 1, 2, 3);

test("frames survive any cutting of the stream", () => {
  const frames = fc.array(fc.record({ type: frameType, payload: fc.uint8Array({ maxLength: 300 }) }), { maxLength: 20 });
  fc.assert(
    fc.property(frames, fc.array(fc.nat(40)), (sent, cuts) => {
      const bytes = Buffer.concat(sent.map((frame) => encodeFrame(frame.type, frame.payload)));
      const decoder = new FrameDecoder();
      const got = [];
      let at = 0;
      for (const cut of [...cuts, bytes.length]) {
        got.push(...decoder.push(bytes.subarray(at, at + cut)));
        at += cut;
        if (at >= bytes.length) break;
      }
      assert.deepEqual(
        got.map(({ type, payload }) => [type, [...payload]]),
        sent.map(({ type, payload }) => [type, [...payload]]),
      );
    }),
  );
});

test("long data is cut into payloads of the allowed size", () => {
  const data = Buffer.alloc(MAX_FRAME_PAYLOAD * 2 + 1, 7);
  const frames = new FrameDecoder().push(Buffer.concat([...encodeData(FRAME.stdout, data)]));
  assert.deepEqual(
    frames.map((frame) => frame.payload.length),
    [MAX_FRAME_PAYLOAD, MAX_FRAME_PAYLOAD, 1],
  );
});

test("an unknown type or a giant length is an error, not a wait", () => {
  assert.throws(() => new FrameDecoder().push(Buffer.from([9, 0, 0, 0, 0, 0, 0, 0])), /bad frame/);
  assert.throws(() => new FrameDecoder().push(Buffer.from([1, 0, 0, 0, 0xff, 0, 0, 0])), /bad frame/);
  assert.equal(encodeControl({ type: "eof" }).readUInt8(0), FRAME.control);
});
