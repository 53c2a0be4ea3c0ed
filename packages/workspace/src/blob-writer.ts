// Writes blobs into an object store as git does: loose objects, https://git-scm.com/book/en/v2/Git-Internals-Git-Objects.
// The name is the hash of what passed through, so the store holds exactly what was sent or received, whatever else changes.
import { createHash, type Hash } from "node:crypto";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { createDeflate } from "node:zlib";

export interface BlobWriter {
  write(chunk: Uint8Array): Promise<void>;
  /** The id of the blob, in the store now. */
  finish(): Promise<string>;
  abandon(): Promise<void>;
}

/** A hash that has taken the header of a blob of `size` bytes. */
export function blobHash(size: number): Hash {
  return createHash("sha1").update(`blob ${size}\0`);
}

export function blobId(content: Uint8Array): string {
  return blobHash(content.length).update(content).digest("hex");
}

/** A writer for one blob of `size` bytes into the directory of objects; `serial` tells apart those written at once. */
export function writeBlob(objects: string, size: number, serial: number): BlobWriter {
  const hash = blobHash(size);
  const unnamed = join(objects, `tmp_obj_${process.pid}_${serial}`);
  const deflate = createDeflate({ level: 1 });
  const file = createWriteStream(unnamed, { mode: 0o444 });
  const done = finished(deflate.pipe(file));
  done.catch(() => undefined);
  deflate.write(`blob ${size}\0`);
  return {
    async write(chunk) {
      hash.update(chunk);
      if (!deflate.write(chunk)) await Promise.race([once(deflate, "drain"), done]);
    },
    async finish() {
      deflate.end();
      await done;
      const id = hash.digest("hex");
      const directory = join(objects, id.slice(0, 2));
      await mkdir(directory, { recursive: true });
      await rename(unnamed, join(directory, id.slice(2)));
      return id;
    },
    async abandon() {
      deflate.destroy();
      file.destroy();
      await done.catch(() => undefined);
      await rm(unnamed, { force: true });
    },
  };
}
