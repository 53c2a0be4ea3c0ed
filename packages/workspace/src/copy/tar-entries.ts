// The entries of a tar stream that a guest sends. Nothing of it is trusted: what is no file, directory or symlink is refused by
// name, and so is a name that could lead out of where it is to be written.
import type { Readable } from "node:stream";
import { BangerError } from "@banger/api";
import { extract, type Header } from "tar-stream";
import { leadingOut, shownName, type FileName } from "../names.ts";

export interface GuestTarEntry {
  /** Relative, without `.`, `..` or empty parts. */
  readonly name: FileName;
  readonly kind: "file" | "directory" | "symlink";
  /** Permission bits alone: never setuid, setgid or sticky. */
  readonly mode: number;
  /** Seconds since the epoch. */
  readonly mtime: number;
  readonly size: number;
  /** Target of a symlink, one character a byte. */
  readonly target: string;
  readonly content: AsyncIterable<Buffer>;
}

/** Each content must be read, or its entry is skipped. Throws `copy.unsafe` for what must not be, `guest.failed` for what is no tar. */
export async function* guestTarEntries(source: Readable): AsyncGenerator<GuestTarEntry> {
  const archive = extract({ filenameEncoding: "latin1" } as Parameters<typeof extract>[0]);
  // A source that breaks off would leave the archive waiting; an archive that is refused leaves a source to be let go.
  source.on("error", (cause: Error) => archive.destroy(cause));
  archive.on("error", () => undefined);
  source.once("close", () => {
    if (!source.readableEnded) archive.destroy(new Error("they break off"));
  });
  source.pipe(archive);
  try {
    for await (const entry of archive as AsyncIterable<AsyncIterable<Buffer> & { readonly header: TarHeader }>) yield checked(entry);
  } catch (error) {
    throw unreadable(error);
  } finally {
    source.unpipe(archive);
    source.destroy();
  }
}

/** Tar-stream keeps pax records with the header, names in them decoded as UTF-8. */
type TarHeader = Header & { readonly pax?: Readonly<Record<string, string>> | null };

const KINDS: ReadonlySet<string> = new Set(["file", "directory", "symlink"]);
const LATEST = 2 ** 33;

function checked(entry: AsyncIterable<Buffer> & { readonly header: TarHeader }): GuestTarEntry {
  const { header } = entry;
  const raw = rawName(header.pax?.["path"], header.name);
  const name = raw.replace(/^(\.\/)+(?=.)|(?<=.)\/+$/g, "") as FileName;
  const reason = leadingOut(name);
  if (reason !== undefined) throw unsafe(`the guest sends ${shownName(raw as FileName)}: ${reason}`);
  const kind = header.type ?? "something else";
  const isSparse = Object.keys(header.pax ?? {}).some((key) => key.startsWith("GNU.sparse"));
  if (!KINDS.has(kind) || isSparse)
    throw unsafe(`the guest sends ${shownName(name)} as a ${isSparse ? "sparse file" : kind.replace("-", " ")}`);
  if (kind !== "file" && header.size > 0) throw unsafe(`the guest sends ${shownName(name)}, a ${kind}, with content`);
  const target = kind === "symlink" ? rawName(header.pax?.["linkpath"], header.linkname ?? "") : "";
  if (kind === "symlink" && (target === "" || target.includes("\0") || target.length > 4095))
    throw unsafe(`the guest sends ${shownName(name)}, a symlink to nothing`);
  const seconds = header.mtime.getTime() / 1000;
  return {
    name,
    kind: kind as GuestTarEntry["kind"],
    mode: header.mode & 0o777,
    mtime: Number.isFinite(seconds) ? Math.min(Math.max(seconds, 0), LATEST) : 0,
    size: header.size,
    target,
    content: contentOf(entry),
  };
}

async function* contentOf(entry: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* entry;
  } catch (error) {
    throw unreadable(error);
  }
}

function unreadable(error: unknown): unknown {
  if (error instanceof BangerError) return error;
  return new BangerError("guest.failed", `the files from the guest cannot be read: ${(error as Error).message}`, { cause: error });
}

/** One character a byte. Those of pax records were UTF-8 text; what did not decode cannot be told any more. */
function rawName(pax: string | undefined, name: string): string {
  if (pax === undefined) return name;
  if (pax.includes("\ufffd")) throw unsafe(`the guest sends a name that cannot be read: ${JSON.stringify(pax.slice(0, 100))}`);
  return Buffer.from(pax, "utf8").toString("latin1");
}

function unsafe(message: string): BangerError {
  return new BangerError("copy.unsafe", message, { hint: "take it as it is: banger vm cp NAME:PATH - > files.tar" });
}
