// The LZ4 legacy frame, in which Linux kernels come; Node has no LZ4.
// Formats: https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md (legacy frame) and lz4_Block_format.md.

export const LZ4_LEGACY_MAGIC = 0x184c2102;
const BLOCK_BYTES = 8 * 1024 * 1024;
const MIN_MATCH = 4;

/** The blocks of a legacy frame, each decompressed to at most 8 MiB. Throws RangeError on bytes that are not one. */
export function* lz4LegacyBlocks(frame: Buffer): Generator<Buffer> {
  if (frame.length < 4 || frame.readUInt32LE(0) !== LZ4_LEGACY_MAGIC) throw new RangeError("not an LZ4 legacy frame");
  let at = 4;
  while (at < frame.length) {
    const end = at + 4 + frame.readUInt32LE(at);
    if (end > frame.length) throw new RangeError(`LZ4 block at ${at} ends beyond the frame`);
    yield decompressBlock(frame.subarray(at + 4, end));
    at = end;
  }
}

/** A block is sequences of: token, literals, 2-byte offset back, match. The last has literals only. */
function decompressBlock(block: Buffer): Buffer {
  const out = Buffer.allocUnsafe(BLOCK_BYTES);
  let from = 0;
  let to = 0;
  const next = (): number => {
    const byte = block[from++];
    if (byte === undefined) throw new RangeError("LZ4 block ends early");
    return byte;
  };
  const length = (nibble: number): number => {
    let sum = nibble;
    for (let more = nibble === 15 ? 255 : 0; more === 255; sum += more) more = next();
    return sum;
  };
  for (;;) {
    const token = next();
    const literals = length(token >> 4);
    if (from + literals > block.length || to + literals > out.length) throw new RangeError("LZ4 literals overrun");
    out.set(block.subarray(from, from + literals), to);
    from += literals;
    to += literals;
    if (from === block.length) return out.subarray(0, to);
    const offset = next() | (next() << 8);
    const match = length(token & 15) + MIN_MATCH;
    if (offset === 0 || offset > to || to + match > out.length) throw new RangeError("LZ4 match overruns");
    copyMatch(out, to, { offset, match });
    to += match;
  }
}

/** A match may overlap its own output: then it repeats the last `offset` bytes. */
function copyMatch(out: Buffer, to: number, { offset, match }: { readonly offset: number; readonly match: number }): void {
  if (offset >= match) {
    out.copyWithin(to, to - offset, to - offset + match);
    return;
  }
  for (let i = to; i < to + match; i += 1) out[i] = out[i - offset] ?? 0;
}
