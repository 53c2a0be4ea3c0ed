// Archives for tests, made and read.
import type { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { extract, pack } from "tar-stream";

/** A tar of one file. */
export async function tarOf(name: string, content: string | Buffer): Promise<Buffer> {
  const archive = pack();
  archive.entry({ name }, content);
  archive.finalize();
  return buffer(archive);
}

export async function untar(tar: Readable): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>();
  for await (const entry of tar.pipe(extract())) {
    const { name, type, linkname } = entry.header;
    found.set(name, type === "symlink" ? Buffer.from(`-> ${linkname}`) : await buffer(entry));
    if (type === "symlink") entry.resume();
  }
  return found;
}
