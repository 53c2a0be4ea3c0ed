// A file or tree of a guest, written to the host as it comes: memory stays flat whatever the size.
import type { Readable } from "node:stream";
import { BangerError, formatSize } from "@banger/api";
import { shownName, type FileName } from "../names.ts";
import { HostTarget } from "./host-target.ts";
import { guestTarEntries, type GuestTarEntry } from "./tar-entries.ts";

export interface ReceiveLimits {
  readonly entries: number;
  /** Of all files together. */
  readonly bytes: number;
}

export interface Receiving {
  /** The tar, whose entries are `root` and what is below it. */
  readonly source: Readable;
  readonly root: FileName;
  /** An existing directory of the host. */
  readonly directory: string;
  /** What `root` is called there; undefined puts its contents into the directory. */
  readonly name: FileName | undefined;
  readonly limits: ReceiveLimits;
  readonly onProgress?: ((files: number, bytes: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Received {
  /** Files and symlinks. */
  readonly files: number;
  readonly bytes: number;
}

/** Throws `copy.unsafe`, `copy.failed`, `host.disk_full`, `guest.failed`. What was whole by then stays. */
export async function receiveTree(receiving: Receiving): Promise<Received> {
  const { source, signal, directory } = receiving;
  const stop = () => source.destroy(signal?.reason instanceof Error ? signal.reason : new Error("stopped"));
  source.on("error", () => undefined);
  if (signal?.aborted === true) stop();
  signal?.addEventListener("abort", stop, { once: true });
  using target = new HostTarget(directory);
  const counted = { entries: 0, files: 0, bytes: 0 };
  try {
    for await (const entry of guestTarEntries(source)) {
      count(receiving, counted, entry);
      await write(target, entry, placeOf(receiving, entry));
      receiving.onProgress?.(counted.files, counted.bytes);
    }
  } finally {
    signal?.removeEventListener("abort", stop);
    target.finish();
  }
  if (counted.entries === 0)
    throw new BangerError("copy.bad_request", `${shownName(receiving.root)} in the guest is no file, directory or symlink`);
  return counted;
}

function count({ limits }: Receiving, counted: { entries: number; files: number; bytes: number }, entry: GuestTarEntry): void {
  counted.entries += 1;
  counted.bytes += entry.size;
  if (entry.kind !== "directory") counted.files += 1;
  if (counted.entries > limits.entries)
    throw new BangerError("copy.unsafe", `the guest sends more than ${limits.entries} files and directories`, AS_TAR);
  if (counted.bytes > limits.bytes)
    throw new BangerError(
      "copy.unsafe",
      `with ${shownName(entry.name)} the guest sends more than ${formatSize(limits.bytes)}: more than its disk and image hold`,
      { hint: "--max-size SIZE takes more" },
    );
}

const AS_TAR = { hint: "take it as one file: banger vm cp NAME:PATH - > files.tar" };

/** Where an entry goes; undefined for the directory itself. */
function placeOf({ root, name }: Receiving, entry: GuestTarEntry): FileName | undefined {
  const isRoot = entry.name === root;
  if (!isRoot && !entry.name.startsWith(`${root}/`))
    throw new BangerError("copy.unsafe", `the guest sends ${shownName(entry.name)}, which is not below ${shownName(root)}`, AS_TAR);
  if (isRoot && name === undefined && entry.kind !== "directory")
    throw new BangerError("copy.unsafe", `the guest sends ${shownName(root)}, which was a directory, as a ${entry.kind}`, AS_TAR);
  const below = entry.name.slice(root.length);
  if (name !== undefined) return `${name}${below}` as FileName;
  return isRoot ? undefined : (below.slice(1) as FileName);
}

async function write(target: HostTarget, entry: GuestTarEntry, name: FileName | undefined): Promise<void> {
  if (name === undefined) return;
  if (entry.kind === "directory") return target.directory(name, entry.mode);
  if (entry.kind === "symlink") return target.symlink(name, entry.target, entry);
  const file = target.file(name);
  try {
    for await (const chunk of entry.content) file.write(chunk);
  } catch (error) {
    file.abandon();
    throw error;
  }
  file.finish(entry);
}
