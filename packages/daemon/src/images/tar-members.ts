// Reads single members out of a tar stream; nothing is ever unpacked as a file.
import { pipeline } from "node:stream/promises";
import { buffer } from "node:stream/consumers";
import { extract } from "tar-stream";
import { readForeignChunks } from "./foreign-file.ts";

/**
 * Contents of the regular files of a tar whose names, without a leading `./`, `wanted` says yes to. Each may have up to
 * `maxBytes`. Throws RangeError past that, and what reading throws: a symlink is refused.
 */
export async function readTarMembers(
  tarPath: string,
  wanted: (name: string) => boolean,
  { maxBytes, signal }: { readonly maxBytes: number; readonly signal: AbortSignal },
): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>();
  const reader = extract();
  const reading = (async () => {
    for await (const entry of reader) {
      const name = entry.header.name.replace(/^\.\//, "");
      if (entry.header.type === "file" && wanted(name)) {
        if ((entry.header.size ?? 0) > maxBytes) throw new RangeError(`${name} in ${tarPath} has more than ${maxBytes} bytes`);
        found.set(name, await buffer(entry));
      } else {
        entry.resume();
      }
    }
  })();
  await Promise.all([pipeline(readForeignChunks(tarPath), reader, { signal }), reading]);
  return found;
}
