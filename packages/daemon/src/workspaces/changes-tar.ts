// Writes what changed in a guest into one tar: contents named by their position, and last an `index` of lines of JSON that gives
// them their names, says what is gone and what was left out. docs/workspaces.md describes it. No name of the guest's is used for
// anything but text.
import { createWriteStream } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { BangerError, bytesOf, type FileName } from "@banger/api";
import { pack, type Pack } from "tar-stream";
import type { Selection } from "../guest/contract.ts";
import { selectedFiles } from "./selected-files.ts";

/** The last entry. */
export const INDEX = "index";

export interface TarBounds {
  /** Changed files. */
  readonly files: number;
  /** Bytes of one file, and of all. */
  readonly fileBytes: number;
  readonly totalBytes: number;
}

export interface TarContents {
  readonly changed: readonly FileName[];
  readonly gone: readonly FileName[];
  /** Those of the changed that git tracks although it ignores them. */
  readonly tracked: ReadonlySet<FileName>;
  /** Directories that are repositories of their own. */
  readonly repositories: readonly FileName[];
}

export interface TarRequest extends TarContents {
  readonly selectFiles: (selection: Selection) => Promise<Readable>;
  /** Directory in the guest. */
  readonly guestPath: string;
  readonly bounds: TarBounds;
}

export interface WrittenTar {
  /** Changed files, those that are gone included. */
  readonly files: number;
  readonly bytes: number;
}

/** Writes `path`, whole or not at all, and on the disk when it answers. Throws `workspace.unsafe` past a bound. */
export async function writeChangesTar(path: string, request: TarRequest): Promise<WrittenTar> {
  const { bounds, changed } = request;
  if (changed.length > bounds.files)
    throw new BangerError("workspace.unsafe", `more than ${bounds.files} files changed in the guest`, {
      hint: "let git ignore what is built in the guest",
    });
  const unfinished = `${path}.new`;
  const archive = pack();
  const written = pipeline(Readable.from(archive), createWriteStream(unfinished, { mode: 0o600 }));
  // A disk that is full ends the filling too; its own reason is what counts.
  let failure: Error | undefined;
  written.catch((cause: Error) => {
    failure ??= cause;
    archive.destroy(cause);
  });
  try {
    const filled = await fill(archive, request);
    await written;
    await syncFile(unfinished);
    await rename(unfinished, path);
    return filled;
  } catch (error) {
    const cause = failure ?? error;
    archive.destroy(new Error("given up"));
    await written.catch(() => undefined);
    await rm(unfinished, { force: true });
    throw cause;
  }
}

async function fill(archive: Pack, request: TarRequest): Promise<WrittenTar> {
  const { selectFiles, guestPath, bounds, changed } = request;
  const taken = new Map<FileName, number>();
  let bytes = 0;
  for await (const file of selectedFiles({ selectFiles, guestPath, names: changed, maxBytes: bounds.fileBytes })) {
    bytes += file.size;
    if (bytes > bounds.totalBytes)
      throw new BangerError("workspace.unsafe", `the guest's changes are larger than ${bounds.totalBytes} bytes`, {
        hint: "let git ignore what is built in the guest",
      });
    const header = { name: `${file.at}${file.isLink ? "@" : ""}`, size: file.size, mode: file.isProgram ? 0o755 : 0o644 };
    await addEntry(archive, header, file.content);
    taken.set(file.name, file.at);
  }
  // What vanished while it was fetched is gone too.
  const gone = [...request.gone, ...changed.filter((name) => !taken.has(name))];
  const index = indexOf(taken, { ...request, gone });
  await addEntry(archive, { name: INDEX, size: index.length, mode: 0o600 }, Readable.from([index]));
  archive.finalize();
  return { files: taken.size + gone.length, bytes };
}

interface EntryHeader {
  readonly name: string;
  readonly size: number;
  readonly mode: number;
}

async function addEntry(archive: Pack, header: EntryHeader, content: AsyncIterable<Buffer>): Promise<void> {
  const done = Promise.withResolvers<void>();
  done.promise.catch(() => undefined);
  const settle = (error?: Error | null) => (error === undefined || error === null ? done.resolve() : done.reject(error));
  const sink = archive.entry({ ...header, type: "file", mtime: new Date(0) }, settle);
  sink.on("error", settle);
  archive.once("error", settle);
  try {
    for await (const chunk of content) {
      if (sink.write(chunk)) continue;
      await Promise.race([new Promise<void>((resolve) => sink.once("drain", resolve)), done.promise]);
    }
    sink.end(undefined);
    await done.promise;
  } finally {
    archive.off("error", settle);
  }
}

function indexOf(taken: ReadonlyMap<FileName, number>, { gone, tracked, repositories }: TarContents): Buffer {
  const path64 = (name: FileName) => bytesOf(name).toString("base64");
  const lines = [
    ...[...taken].map(([name, at]) => ({ at, path64: path64(name), ...(tracked.has(name) ? { tracked: true } : {}) })),
    ...gone.map((name) => ({ gone: true, path64: path64(name) })),
    ...repositories.map((name) => ({ repository: true, path64: path64(name) })),
  ];
  return Buffer.from([...lines, { entries: lines.length }].map((line) => `${JSON.stringify(line)}\n`).join(""));
}

async function syncFile(path: string): Promise<void> {
  await using file = await open(path, "r+");
  await file.sync();
}
