import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { LZ4_LEGACY_MAGIC, lz4LegacyBlocks } from "./lz4.ts";
import { extractVmlinux } from "./vmlinux.ts";

const ELF = Buffer.concat([Buffer.from("\x7fELF", "latin1"), Buffer.alloc(3000, "kernel "), Buffer.from("end")]);

/** A bzImage as far as its setup header goes. */
function bzImage(payload: Buffer): Buffer {
  const setup = Buffer.alloc(2 * 512);
  setup.writeUInt8(1, 0x1f1);
  setup.write("HdrS", 0x202, "latin1");
  setup.writeUInt16LE(0x020f, 0x206);
  setup.writeUInt32LE(100, 0x248);
  setup.writeUInt32LE(payload.length, 0x24c);
  return Buffer.concat([setup, Buffer.alloc(100), payload, Buffer.from("what follows the payload")]);
}

function withSize(compressed: Buffer, size: number): Buffer {
  const tail = Buffer.alloc(4);
  tail.writeUInt32LE(size);
  return Buffer.concat([compressed, tail]);
}

/** The simplest LZ4 that has matches: each is looked for in what came just before. */
function lz4Block(data: Uint8Array): Buffer {
  const out: number[] = [];
  const length = (value: number) => {
    for (let left = value - 15; left >= 0; left -= 255) out.push(Math.min(left, 255));
  };
  const sequence = (literals: Uint8Array, match: { readonly offset: number; readonly length: number } | null) => {
    const matchCode = match === null ? 0 : match.length - 4;
    out.push((Math.min(literals.length, 15) << 4) | Math.min(matchCode, 15));
    length(literals.length);
    out.push(...literals);
    if (match === null) return;
    out.push(match.offset & 255, match.offset >> 8);
    length(matchCode);
  };
  let literalsFrom = 0;
  let at = 0;
  while (at < data.length) {
    const match = longestMatch(data, at);
    if (match === null) {
      at += 1;
    } else {
      sequence(data.subarray(literalsFrom, at), match);
      at += match.length;
      literalsFrom = at;
    }
  }
  sequence(data.subarray(literalsFrom), null);
  return Buffer.from(out);
}

function longestMatch(data: Uint8Array, at: number): { readonly offset: number; readonly length: number } | null {
  for (let offset = 1; offset <= Math.min(at, 64); offset += 1) {
    let length = 0;
    while (at + length < data.length && data[at + length] === data[at + length - offset]) length += 1;
    if (length >= 4) return { offset, length };
  }
  return null;
}

function lz4Legacy(data: Uint8Array): Buffer {
  const block = lz4Block(data);
  const head = Buffer.alloc(8);
  head.writeUInt32LE(LZ4_LEGACY_MAGIC, 0);
  head.writeUInt32LE(block.length, 4);
  return Buffer.concat([head, block]);
}

for (const [name, payload] of [
  ["LZ4", withSize(lz4Legacy(ELF), ELF.length)],
  ["zstd", withSize(zstdCompressSync(ELF), ELF.length)],
  ["gzip", gzipSync(ELF)],
  ["nothing", ELF],
] as const) {
  test(`a kernel compressed with ${name} is found inside its bzImage`, async () => {
    assert.deepEqual(await extractVmlinux(bzImage(payload)), ELF);
  });
}

test("what is not a bzImage, is cut short or is compressed otherwise is refused with the reason", async () => {
  const refused = async (image: Buffer, message: RegExp) => assert.rejects(extractVmlinux(image), { code: "image.build_failed", message });
  await refused(Buffer.alloc(4096), /no setup header/);
  await refused(bzImage(gzipSync(ELF)).subarray(0, 1130), /cut short/);
  await refused(bzImage(withSize(lz4Legacy(ELF), ELF.length + 1)), /cut short/);
  await refused(bzImage(withSize(lz4Legacy(Buffer.from("no kernel")), 9)), /not an ELF/);
  await refused(bzImage(Buffer.from("fd377a585a0000000000", "hex")), /does not read \(magic fd377a58/);
  await refused(bzImage(withSize(zstdCompressSync(ELF).subarray(0, 20), ELF.length)), /does not decompress/);
});

test("LZ4 gives back what went in", () => {
  const repetitive = fc
    .array(fc.tuple(fc.uint8Array({ maxLength: 20 }), fc.integer({ min: 1, max: 40 })))
    .map((runs) => Buffer.concat(runs.flatMap(([bytes, times]) => Array<Uint8Array>(times).fill(bytes))));
  fc.assert(fc.property(repetitive, (data) => assert.deepEqual(Buffer.concat([...lz4LegacyBlocks(lz4Legacy(data))]), data)));
});

test("LZ4 of any bytes decodes or is refused, and nothing else", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const head = Buffer.alloc(8);
      head.writeUInt32LE(LZ4_LEGACY_MAGIC, 0);
      head.writeUInt32LE(bytes.length, 4);
      try {
        Buffer.concat([...lz4LegacyBlocks(Buffer.concat([head, bytes]))]);
      } catch (error) {
        assert.ok(error instanceof RangeError);
      }
    }),
    { numRuns: 200 },
  );
});
