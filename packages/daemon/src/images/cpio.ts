// Archives the kernel unpacks as its first root: cpio, "new ASCII" format, magic 070701.
// Format: https://docs.kernel.org/driver-api/early-userspace/buffer-format.html and cpio(5). Archives may follow one another,
// so one that ends on a multiple of 4 bytes can be joined with the next by plain concatenation.

export type CpioEntry =
  | { readonly type: "directory"; readonly path: string; readonly mode: number }
  | { readonly type: "file"; readonly path: string; readonly mode: number; readonly data: Uint8Array }
  | { readonly type: "character-device"; readonly path: string; readonly mode: number; readonly major: number; readonly minor: number };

const FILE_TYPE_BITS = { directory: 0o040000, file: 0o100000, "character-device": 0o020000 } as const satisfies Record<
  CpioEntry["type"],
  number
>;
const TRAILER = "TRAILER!!!";

/**
 * The archive of `entries`, in their order: a directory comes before what is in it. Everything belongs to root and has time 0,
 * so the same entries give the same bytes. Paths are relative, without a leading slash.
 */
export function cpioArchive(entries: readonly CpioEntry[]): Buffer {
  const parts = entries.flatMap((entry, index) => member(entry, index + 1));
  parts.push(header({ name: TRAILER, inode: 0, mode: 0, size: 0, major: 0, minor: 0 }));
  return Buffer.concat(parts);
}

function member(entry: CpioEntry, inode: number): Uint8Array[] {
  if (entry.path === "" || entry.path.startsWith("/") || entry.path.includes("\0")) {
    throw new Error(`not a path for a cpio member: ${JSON.stringify(entry.path)}`);
  }
  const data = entry.type === "file" ? entry.data : new Uint8Array();
  const device = entry.type === "character-device" ? entry : { major: 0, minor: 0 };
  const mode = FILE_TYPE_BITS[entry.type] | entry.mode;
  return [
    header({ name: entry.path, inode, mode, size: data.length, major: device.major, minor: device.minor }),
    data,
    padding(data.length),
  ];
}

interface HeaderFields {
  readonly name: string;
  readonly inode: number;
  readonly mode: number;
  readonly size: number;
  readonly major: number;
  readonly minor: number;
}

/** The 110 byte header with the name behind it, padded to 4 bytes. */
function header(fields: HeaderFields): Buffer {
  const name = Buffer.from(`${fields.name}\0`);
  const links = (fields.mode & 0o170000) === FILE_TYPE_BITS.directory ? 2 : 1;
  // ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check
  const numbers = [fields.inode, fields.mode, 0, 0, links, 0, fields.size, 0, 0, fields.major, fields.minor, name.length, 0];
  const text = `070701${numbers.map((number) => number.toString(16).toUpperCase().padStart(8, "0")).join("")}`;
  return Buffer.concat([Buffer.from(text, "latin1"), name, padding(text.length + name.length)]);
}

function padding(length: number): Buffer {
  return Buffer.alloc(-length & 3);
}
