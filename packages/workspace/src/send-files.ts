// The files of a repository as a tar stream. What was sent is what counts: each content is hashed on its way, and those that
// git does not have yet are kept in the store, so that the guest's changes can be told from the host's later.
import { closeSync, constants, fstatSync, lstatSync, openSync, readlinkSync, type Stats } from "node:fs";
import { Batch, BATCH_BYTES, readWhole } from "./batch.ts";
import { blobHash, blobId, writeBlob } from "./blob-writer.ts";
import type { PlannedFile } from "./file-set.ts";
import { pathBelow } from "./look.ts";
import type { FileName } from "./names.ts";
import { padding, tarHeader } from "./tar-entry.ts";

/** What a name holds in the guest once it is there. */
export interface SentFile {
  readonly name: FileName;
  /** `100644`, `100755`, `120000`. */
  readonly mode: string;
  readonly id: string;
}

export interface SentAgain {
  readonly file: PlannedFile;
  /** What the guest has of it until then. */
  readonly sent: SentFile;
}

export interface SendReport {
  readonly sent: SentFile[];
  /** Gone, or no file any more, since the list was made. */
  readonly vanished: FileName[];
  /** Changed since git looked: their content must be sent again, to be kept. */
  readonly again: SentAgain[];
  /** Shorter than at first, filled with zeros. */
  readonly torn: FileName[];
}

export interface SendOptions {
  readonly top: string;
  readonly files: readonly PlannedFile[];
  /** Directory of the store's objects. */
  readonly objects: string;
  /** Whether the store should get the content whatever git has. */
  readonly keeps: (file: PlannedFile) => boolean;
  /** What the guest is to find there (`wasOf`), undefined for whatever it finds: else it refuses the file and all that follow. */
  readonly was?: (name: FileName) => string | undefined;
  readonly onProgress?: ((files: number, bytes: number) => void) | undefined;
}

/** Fills `report` as it goes. Opening never waits: a fifo in place of a file is no file. */
export async function* sendFiles(options: SendOptions, report: SendReport): AsyncGenerator<Buffer> {
  const batch = new Batch();
  const counted = { files: 0, bytes: 0 };
  for (const [serial, file] of options.files.entries()) {
    if (file.kind === "symlink") await sendLink(options, { file, batch, report, serial });
    else yield* sendFile(options, { file, batch, report, serial });
    counted.files += 1;
    counted.bytes += file.size;
    if (batch.length < BATCH_BYTES) continue;
    yield batch.take();
    options.onProgress?.(counted.files, counted.bytes);
  }
  if (batch.length > 0) yield batch.take();
  options.onProgress?.(counted.files, counted.bytes);
}

interface Sending {
  readonly file: PlannedFile;
  readonly batch: Batch;
  readonly report: SendReport;
  readonly serial: number;
}

async function sendLink({ top, objects, keeps, was }: SendOptions, { file, batch, report, serial }: Sending): Promise<void> {
  const link = readLink(pathBelow(top, file.name));
  if (link === undefined) return void report.vanished.push(file.name);
  batch.add(
    tarHeader({
      name: file.name,
      kind: "symlink",
      mode: 0o777,
      mtime: link.mtimeMs / 1000,
      size: 0,
      target: link.target.toString("latin1"),
      was: was?.(file.name),
    }),
  );
  const id = blobId(link.target);
  if (keeps(file) || id !== file.indexId) {
    const writer = writeBlob(objects, link.target.length, serial);
    await writer.write(link.target);
    await writer.finish();
  }
  report.sent.push({ name: file.name, mode: "120000", id });
}

function readLink(path: Buffer): { readonly target: Buffer; readonly mtimeMs: number } | undefined {
  try {
    return { target: readlinkSync(path, { encoding: "buffer" }), mtimeMs: lstatSync(path).mtimeMs };
  } catch (error) {
    return gone(error);
  }
}

async function* sendFile(options: SendOptions, sending: Sending): AsyncGenerator<Buffer> {
  const { file, batch, report, serial } = sending;
  const opened = openFile(pathBelow(options.top, file.name));
  if (opened === undefined) return void report.vanished.push(file.name);
  const { descriptor, stats } = opened;
  const writer = options.keeps(file) ? writeBlob(options.objects, stats.size, serial) : undefined;
  let isDone = false;
  try {
    const [mode, mtime] = [stats.mode & 0o777, stats.mtimeMs / 1000];
    batch.add(tarHeader({ name: file.name, kind: "file", mode, mtime, size: stats.size, was: options.was?.(file.name) }));
    const hash = blobHash(stats.size);
    let left = stats.size;
    while (left > 0) {
      const piece = Buffer.allocUnsafe(Math.min(left, BATCH_BYTES));
      const read = readWhole(descriptor, piece);
      if (read < piece.length) {
        piece.fill(0, read);
        if (report.torn.at(-1) !== file.name) report.torn.push(file.name);
      }
      hash.update(piece);
      await writer?.write(piece);
      batch.add(piece);
      left -= piece.length;
      if (batch.length >= BATCH_BYTES) yield batch.take();
    }
    batch.add(padding(stats.size));
    const id = writer === undefined ? hash.digest("hex") : await writer.finish();
    isDone = true;
    const sent = { name: file.name, mode: (mode & 0o100) === 0 ? "100644" : "100755", id };
    if (writer === undefined && id !== file.indexId) report.again.push({ file, sent });
    else report.sent.push(sent);
  } finally {
    closeSync(descriptor);
    if (!isDone) await writer?.abandon();
  }
}

export function openFile(path: Buffer): { readonly descriptor: number; readonly stats: Stats } | undefined {
  try {
    const descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const stats = fstatSync(descriptor);
    if (stats.isFile()) return { descriptor, stats };
    closeSync(descriptor);
    return undefined;
  } catch (error) {
    return gone(error);
  }
}

function gone(error: unknown): undefined {
  // ELOOP: a symlink now; ENXIO: a socket; EINVAL: no symlink any more.
  if (["ENOENT", "ENOTDIR", "ELOOP", "ENXIO", "EINVAL"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
  throw error;
}
