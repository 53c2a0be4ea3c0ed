// Files and trees of the host as a tar stream for a guest. Symlinks go as symlinks; nothing is held in memory but a chunk and the
// names of the directories on the way.
import { closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, readlinkSync, type Stats } from "node:fs";
import { Batch, BATCH_BYTES, readWhole } from "../batch.ts";
import { nameOfBytes, type FileName } from "../names.ts";
import { padding, tarEnd, tarHeader } from "../tar-entry.ts";

export interface SendSource {
  readonly path: string;
  /** What it is called in the guest; undefined sends what is in the directory. */
  readonly name: FileName | undefined;
}

export interface SendTreeReport {
  /** Files and symlinks that went. */
  files: number;
  bytes: number;
  /** Sockets, devices and fifos; and what may not be read. */
  readonly left: LeftOut[];
  /** Shorter than at first, filled with zeros. */
  readonly torn: FileName[];
}

export interface LeftOut {
  readonly name: FileName;
  readonly reason: "special" | "unreadable" | "vanished";
}

export type SendProgress = (files: number, bytes: number) => void;

/** Fills `report` as it goes. Modes lose setuid, setgid and sticky. */
export async function* sendTrees(
  sources: readonly SendSource[],
  report: SendTreeReport,
  onProgress?: SendProgress,
): AsyncGenerator<Buffer> {
  for await (const chunk of chunksOf(sources, report)) {
    yield chunk;
    onProgress?.(report.files, report.bytes);
  }
}

async function* chunksOf(sources: readonly SendSource[], report: SendTreeReport): AsyncGenerator<Buffer> {
  const batch = new Batch();
  for (const { path, name } of sources) {
    for (const entry of walk(Buffer.from(path, "utf8"), name, report)) {
      yield* sendEntry(entry, batch, report);
      if (batch.length >= BATCH_BYTES) yield batch.take();
    }
  }
  batch.add(tarEnd());
  yield batch.take();
}

interface HostEntry {
  readonly path: Buffer;
  readonly name: FileName;
  readonly stats: Stats;
}

/** A directory comes before what is in it. */
function* walk(path: Buffer, name: FileName | undefined, report: SendTreeReport): Generator<HostEntry> {
  const stats = name === undefined ? undefined : attempt(name, report, () => lstatSync(path));
  if (name !== undefined && stats === undefined) return;
  if (name !== undefined && stats !== undefined) {
    if (!stats.isDirectory() && !stats.isFile() && !stats.isSymbolicLink()) return void report.left.push({ name, reason: "special" });
    yield { path, name, stats };
    if (!stats.isDirectory()) return;
  }
  const shown = name ?? nameOfBytes(path);
  for (const base of attempt(shown, report, () => readdirSync(path, { encoding: "buffer" })) ?? []) {
    const inner = nameOfBytes(base);
    yield* walk(Buffer.concat([path, Buffer.from("/"), base]), (name === undefined ? inner : `${name}/${inner}`) as FileName, report);
  }
}

async function* sendEntry({ path, name, stats }: HostEntry, batch: Batch, report: SendTreeReport): AsyncGenerator<Buffer> {
  const mtime = stats.mtimeMs / 1000;
  if (stats.isDirectory()) return batch.add(tarHeader({ name: `${name}/`, kind: "directory", mode: stats.mode & 0o777, mtime, size: 0 }));
  if (stats.isSymbolicLink()) {
    const target = attempt(name, report, () => readlinkSync(path, { encoding: "buffer" }));
    if (target === undefined) return;
    report.files += 1;
    return batch.add(tarHeader({ name, kind: "symlink", mode: 0o777, mtime, size: 0, target: target.toString("latin1") }));
  }
  const descriptor = attempt(name, report, () => openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK));
  if (descriptor === undefined) return;
  try {
    yield* sendContent({ descriptor, name, batch, report });
  } finally {
    closeSync(descriptor);
  }
}

interface Content {
  readonly descriptor: number;
  readonly name: FileName;
  readonly batch: Batch;
  readonly report: SendTreeReport;
}

async function* sendContent({ descriptor, name, batch, report }: Content): AsyncGenerator<Buffer> {
  const stats = fstatSync(descriptor);
  if (!stats.isFile()) return void report.left.push({ name, reason: "vanished" });
  batch.add(tarHeader({ name, kind: "file", mode: stats.mode & 0o777, mtime: stats.mtimeMs / 1000, size: stats.size }));
  for (let left = stats.size; left > 0;) {
    const piece = Buffer.allocUnsafe(Math.min(left, BATCH_BYTES));
    const read = readWhole(descriptor, piece);
    if (read < piece.length) {
      piece.fill(0, read);
      if (report.torn.at(-1) !== name) report.torn.push(name);
    }
    batch.add(piece);
    left -= piece.length;
    report.bytes += piece.length;
    if (batch.length >= BATCH_BYTES) yield batch.take();
  }
  batch.add(padding(stats.size));
  report.files += 1;
}

/** Undefined, and told, where something may not be read or has gone. */
function attempt<T>(name: FileName, { left }: SendTreeReport, work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    if (["EACCES", "EPERM"].includes(code)) left.push({ name, reason: "unreadable" });
    // ELOOP: a symlink now; ENXIO: a socket; EINVAL: no symlink any more.
    else if (["ENOENT", "ENOTDIR", "ELOOP", "ENXIO", "EINVAL"].includes(code)) left.push({ name, reason: "vanished" });
    else throw error;
    return undefined;
  }
}
