// Takes contents out of a tar into the store, as blobs. The tar names each by its position in what was asked for, so no name of
// the guest's is used; its sizes are bounded before a byte is read.
import { buffer } from "node:stream/consumers";
import type { Readable } from "node:stream";
import { BangerError } from "@banger/api";
import type { GuestLimits } from "@banger/api/guest-tree";
import { extract, type Header } from "tar-stream";
import { writeBlob } from "./blob-writer.ts";

export interface FetchedBlob {
  readonly mode: string;
  readonly id: string;
  readonly size: number;
}

export interface FetchOptions {
  /** Directory of the store's objects. */
  readonly objects: string;
  readonly onProgress?: ((files: number, bytes: number) => void) | undefined;
}

/** Longest target of a symlink. */
const MAX_TARGET = 4096;

/** A content by its position in what was asked for. */
export interface BlobAt extends FetchedBlob {
  readonly at: number;
}

export interface BlobTar extends FetchOptions {
  readonly source: Readable;
  readonly limits: GuestLimits;
  /** Positions from here on were not asked for. */
  readonly end: number;
  /** What a position is called in messages. */
  readonly nameOf?: (at: number) => string;
  /** Bytes that may still come, of this tar and others. */
  readonly budget: { bytes: number };
  /** Called with the bytes of the last entry when that has this name; without it there is none. */
  readonly last?: { readonly name: string; readonly maxBytes: number; readonly take: (content: Buffer) => void };
}

/** Puts the contents into the store. Throws `workspace.unsafe` past a limit, `guest.failed` for what is no such tar. */
export async function* readBlobs(tar: BlobTar): AsyncGenerator<BlobAt> {
  const { source } = tar;
  const archive = extract();
  // A source that breaks off would leave the archive waiting; an archive that is refused leaves a source to be let go.
  source.on("error", (cause: Error) => archive.destroy(cause));
  archive.on("error", () => undefined);
  source.once("close", () => {
    if (!source.readableEnded) archive.destroy(new Error("they break off"));
  });
  source.pipe(archive);
  const seen = new Set<number>();
  let isOver = false;
  try {
    for await (const entry of archive as AsyncIterable<Entry>) {
      const { name, size } = entry.header;
      if (isOver) throw nobodyAsked(name);
      if (name === tar.last?.name && size <= tar.last.maxBytes) {
        isOver = true;
        tar.last.take(await buffer(entry));
        continue;
      }
      const at = /^\d{1,9}@?$/.test(name) ? Number.parseInt(name, 10) : tar.end;
      if (at >= tar.end || seen.has(at)) throw nobodyAsked(name);
      seen.add(at);
      yield { at, ...(await keep(entry, at, tar)) };
    }
  } catch (error) {
    if (error instanceof BangerError) throw error;
    throw new BangerError("guest.failed", `the files from the guest cannot be read: ${(error as Error).message}`, { cause: error });
  } finally {
    source.unpipe(archive);
    source.destroy();
  }
}

function nobodyAsked(name: string): BangerError {
  return new BangerError("guest.failed", `the guest sends a file nobody asked for: ${JSON.stringify(name.slice(0, 100))}`);
}

type Entry = AsyncIterable<Buffer> & { readonly header: Header };

async function keep(entry: Entry, at: number, { limits, budget, objects, nameOf = () => "a file" }: BlobTar): Promise<FetchedBlob> {
  const { type, name, size, mode } = entry.header;
  if (type !== "file") throw new BangerError("guest.failed", `the guest sends ${nameOf(at)} as a ${type}`);
  const isLink = name.endsWith("@");
  const most = isLink ? MAX_TARGET : limits.fileBytes;
  if (size > most)
    throw new BangerError("workspace.unsafe", `${nameOf(at)} in the guest is larger than ${most} bytes`, {
      hint: "let git ignore it in the guest, or copy it out by itself",
    });
  budget.bytes -= size;
  if (budget.bytes < 0)
    throw new BangerError("workspace.unsafe", `the guest's changes are larger than ${limits.totalBytes} bytes`, {
      hint: "let git ignore what is built in the guest",
    });
  const writer = writeBlob(objects, size, at);
  try {
    for await (const chunk of entry) await writer.write(chunk);
    return { mode: isLink ? "120000" : (mode & 0o100) === 0 ? "100644" : "100755", id: await writer.finish(), size };
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}
