// Takes contents out of a guest into the store, as blobs. The tar that carries them names each by its position in what was asked
// for, so no name of the guest's is used; its sizes are bounded before a byte is read.
import type { Readable } from "node:stream";
import { BangerError, routes } from "@banger/api";
import { extract, type Header } from "tar-stream";
import { writeBlob } from "./blob-writer.ts";
import { select, selections, type GuestWorkspace } from "./guest-tree.ts";
import { shownName, type FileName } from "./names.ts";

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

/** What the names hold now; those that are gone are missing. Throws `workspace.unsafe` past a limit. */
export async function fetchBlobs(
  guest: GuestWorkspace,
  names: readonly FileName[],
  options: FetchOptions,
): Promise<ReadonlyMap<FileName, FetchedBlob>> {
  const fetched = new Map<FileName, FetchedBlob>();
  const budget = { bytes: guest.limits.totalBytes };
  for (const some of selections(names)) {
    const source = await select(guest, routes.vmFilesSelect, some);
    await readSelection(source, { guest, names: some, budget, options, fetched });
  }
  return fetched;
}

interface Reading {
  readonly guest: GuestWorkspace;
  readonly names: readonly FileName[];
  /** What may still come. */
  readonly budget: { bytes: number };
  readonly options: FetchOptions;
  readonly fetched: Map<FileName, FetchedBlob>;
}

async function readSelection(source: Readable, reading: Reading): Promise<void> {
  const archive = extract();
  // A source that breaks off would leave the archive waiting; an archive that is refused leaves a source to be let go.
  source.on("error", (cause: Error) => archive.destroy(cause));
  archive.on("error", () => undefined);
  source.once("close", () => {
    if (!source.readableEnded) archive.destroy(new Error("they break off"));
  });
  source.pipe(archive);
  try {
    for await (const entry of archive as AsyncIterable<Entry>) {
      const name = nameAt(entry.header, reading);
      reading.fetched.set(name, await keep(entry, name, reading));
      const { fetched, guest, budget, options } = reading;
      options.onProgress?.(fetched.size, guest.limits.totalBytes - budget.bytes);
    }
  } catch (error) {
    if (error instanceof BangerError) throw error;
    throw new BangerError("guest.failed", `the files from the guest cannot be read: ${(error as Error).message}`, { cause: error });
  } finally {
    source.unpipe(archive);
    source.destroy();
  }
}

function nameAt({ name: position }: Header, { names, fetched }: Reading): FileName {
  const name = /^\d{1,9}@?$/.test(position) ? names[Number.parseInt(position, 10)] : undefined;
  if (name === undefined || fetched.has(name))
    throw new BangerError("guest.failed", `the guest sends a file nobody asked for: ${JSON.stringify(position.slice(0, 100))}`);
  return name;
}

type Entry = AsyncIterable<Buffer> & { readonly header: Header };

async function keep(entry: Entry, name: FileName, { guest, budget, options, fetched }: Reading): Promise<FetchedBlob> {
  const { type, name: position, size, mode } = entry.header;
  if (type !== "file") throw new BangerError("guest.failed", `the guest sends ${shownName(name)} as a ${type}`);
  const isLink = position.endsWith("@");
  const most = isLink ? MAX_TARGET : guest.limits.fileBytes;
  if (size > most)
    throw new BangerError("workspace.unsafe", `${shownName(name)} in the guest is larger than ${most} bytes`, {
      hint: "let git ignore it in the guest, or copy it out by itself",
    });
  budget.bytes -= size;
  if (budget.bytes < 0)
    throw new BangerError("workspace.unsafe", `the guest's changes are larger than ${guest.limits.totalBytes} bytes`, {
      hint: "let git ignore what is built in the guest",
    });
  const writer = writeBlob(options.objects, size, fetched.size);
  try {
    for await (const chunk of entry) await writer.write(chunk);
    return { mode: isLink ? "120000" : (mode & 0o100) === 0 ? "100644" : "100755", id: await writer.finish(), size };
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}
