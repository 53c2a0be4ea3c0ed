// Reads the tar in which a guest hands over files: each is named by its position in what was asked for, so that no name of the
// guest's is used, and checked before a byte of it is read.
import type { Readable } from "node:stream";
import { BangerError, shownName, type FileName } from "@banger/api";
import { selectionOf, selections } from "@banger/api/guest-tree";
import { extract, type Header } from "tar-stream";
import type { Selection } from "../guest/contract.ts";

export interface SelectedFile {
  readonly name: FileName;
  /** Position in what was asked for. */
  readonly at: number;
  /** The content is a symlink's target. */
  readonly isLink: boolean;
  readonly isProgram: boolean;
  /** Bytes. */
  readonly size: number;
  /** To be read before the next one. */
  readonly content: AsyncIterable<Buffer>;
}

export interface SelectionRequest {
  readonly selectFiles: (selection: Selection) => Promise<Readable>;
  /** Directory in the guest. */
  readonly guestPath: string;
  readonly names: readonly FileName[];
  /** Bytes of one file. */
  readonly maxBytes: number;
}

const MAX_TARGET = 4096;

/** Those that are gone are missing. Throws `workspace.unsafe` for one that is too large, `guest.failed` for what was not asked for. */
export async function* selectedFiles({ selectFiles, guestPath, names, maxBytes }: SelectionRequest): AsyncGenerator<SelectedFile> {
  let first = 0;
  for (const some of selections(names)) {
    yield* filesOf(await selectFiles(selectionOf(guestPath, some)), { names: some, first, maxBytes });
    first += some.length;
  }
}

interface Asked {
  readonly names: readonly FileName[];
  /** Position of the first of them. */
  readonly first: number;
  readonly maxBytes: number;
}

async function* filesOf(source: Readable, asked: Asked): AsyncGenerator<SelectedFile> {
  const archive = extract();
  // A source that breaks off would leave the archive waiting; an archive that is refused leaves a source to be let go.
  archive.on("error", () => undefined);
  source.on("error", (cause: Error) => archive.destroy(cause));
  source.once("close", () => {
    if (!source.readableEnded) archive.destroy(new Error("they break off"));
  });
  source.pipe(archive);
  const seen = new Set<number>();
  try {
    for await (const entry of archive as AsyncIterable<AsyncIterable<Buffer> & { readonly header: Header }>) {
      yield { ...checkHeader(entry.header, asked, seen), content: entry };
    }
  } catch (error) {
    if (error instanceof BangerError || (error as Error).name === "TimeoutError") throw error;
    throw new BangerError("guest.failed", `the files from the guest cannot be read: ${(error as Error).message}`, { cause: error });
  } finally {
    source.unpipe(archive);
    source.destroy();
  }
}

function checkHeader({ name: position, type, size, mode }: Header, { names, first, maxBytes }: Asked, seen: Set<number>) {
  const at = /^\d{1,9}@?$/.test(position) ? Number.parseInt(position, 10) : names.length;
  const name = names[at];
  if (name === undefined || seen.has(at))
    throw new BangerError("guest.failed", `the guest sends a file nobody asked for: ${JSON.stringify(position.slice(0, 100))}`);
  seen.add(at);
  if (type !== "file") throw new BangerError("guest.failed", `the guest sends ${shownName(name)} as a ${type}`);
  const isLink = position.endsWith("@");
  const most = isLink ? MAX_TARGET : maxBytes;
  if (size > most) throw new BangerError("workspace.unsafe", `${shownName(name)} in the guest is larger than ${most} bytes`);
  return { name, at: first + at, isLink, isProgram: isLink || (mode & 0o100) !== 0, size };
}
