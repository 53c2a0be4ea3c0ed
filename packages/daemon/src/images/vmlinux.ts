// The ELF kernel inside a bzImage, for VMMs that boot nothing else.
// Setup header and payload: https://docs.kernel.org/arch/x86/boot.html (payload_offset, payload_length).
import { setImmediate } from "node:timers/promises";
import { promisify } from "node:util";
import { gunzip, zstdDecompress } from "node:zlib";
import { BangerError } from "@banger/api";
import { LZ4_LEGACY_MAGIC, lz4LegacyBlocks } from "./lz4.ts";

const SECTOR = 512;
const OFFSET = { setupSects: 0x1f1, magic: 0x202, version: 0x206, payloadOffset: 0x248, payloadLength: 0x24c, end: 0x250 } as const;
const HDRS = 0x53726448;
/** The boot protocol that brought the payload fields. */
const PAYLOAD_VERSION = 0x0208;
const MAX_VMLINUX_BYTES = 512 * 1024 * 1024;

const gunzipAsync = promisify(gunzip);
const zstdAsync = promisify(zstdDecompress);

/** The uncompressed ELF kernel of a bzImage. Throws `image.build_failed` on anything it cannot read. */
export async function extractVmlinux(bzImage: Buffer): Promise<Buffer> {
  const payload = kernelPayload(bzImage);
  const vmlinux = await decompress(payload);
  if (vmlinux.length < 4 || vmlinux.readUInt32BE(0) !== 0x7f454c46) throw unreadable("what is inside is not an ELF file");
  // The kernel's build writes the uncompressed size behind the payload; gzip has it there by itself.
  if (vmlinux !== payload && payload.readUInt32LE(payload.length - 4) !== vmlinux.length) throw unreadable("its payload is cut short");
  return vmlinux;
}

/** The compressed kernel as the setup header names it, with the uncompressed size in its last 4 bytes. */
export function kernelPayload(bzImage: Buffer): Buffer {
  if (bzImage.length < OFFSET.end || bzImage.readUInt32LE(OFFSET.magic) !== HDRS) throw unreadable("it has no setup header");
  if (bzImage.readUInt16LE(OFFSET.version) < PAYLOAD_VERSION) throw unreadable("its boot protocol is older than 2.08");
  const protectedMode = ((bzImage.readUInt8(OFFSET.setupSects) || 4) + 1) * SECTOR;
  const start = protectedMode + bzImage.readUInt32LE(OFFSET.payloadOffset);
  const end = start + bzImage.readUInt32LE(OFFSET.payloadLength);
  if (end > bzImage.length || end - start < 8) throw unreadable("its payload is cut short");
  return bzImage.subarray(start, end);
}

async function decompress(payload: Buffer): Promise<Buffer> {
  const withoutSize = payload.subarray(0, -4);
  try {
    if (payload.readUInt32BE(0) === 0x7f454c46) return payload;
    if (payload.readUInt32LE(0) === LZ4_LEGACY_MAGIC) return await decompressLz4(withoutSize);
    if (payload.readUInt32BE(0) === 0x28b52ffd) return await zstdAsync(withoutSize, { maxOutputLength: MAX_VMLINUX_BYTES });
    if (payload.readUInt16BE(0) === 0x1f8b) return await gunzipAsync(payload, { maxOutputLength: MAX_VMLINUX_BYTES });
  } catch (error) {
    throw unreadable("its payload does not decompress", error);
  }
  const magic = payload.subarray(0, 4).toString("hex");
  throw unreadable(`it is compressed in a way banger does not read (magic ${magic}; LZ4, zstd and gzip are read)`);
}

async function decompressLz4(frame: Buffer): Promise<Buffer> {
  const blocks: Buffer[] = [];
  let bytes = 0;
  for (const block of lz4LegacyBlocks(frame)) {
    bytes += block.length;
    if (bytes > MAX_VMLINUX_BYTES) throw new RangeError("more than a kernel can be");
    blocks.push(block);
    // A block is 8 MiB of work: others may want the daemon in between.
    await setImmediate();
  }
  return Buffer.concat(blocks);
}

function unreadable(why: string, cause?: unknown): BangerError {
  return new BangerError(
    "image.build_failed",
    `the kernel is not a bzImage that banger can read: ${why}`,
    cause === undefined ? {} : { cause },
  );
}
