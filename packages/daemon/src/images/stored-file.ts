// A file of the store: written once, whole, known by its size and SHA-256, readable by everybody, writable by nobody.
import { createHash } from "node:crypto";
import { mkdir, open, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { publish } from "@banger/host";
import { readForeignChunks } from "./foreign-file.ts";

export interface FileDigest {
  /** Hexadecimal. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

export const STORE_DIRECTORY_MODE = 0o755;
const STORED_FILE_MODE = 0o444;
/** Files with this ending are unfinished; a collection of the store removes them. */
const UNFINISHED_SUFFIX = ".partial";

/** The store's directory, made where missing, with a mode the unprivileged user of a root daemon can pass whatever the umask. */
export async function makeStoreDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: STORE_DIRECTORY_MODE });
  const directory = await open(path, "r");
  try {
    await directory.chmod(STORE_DIRECTORY_MODE);
  } finally {
    await directory.close();
  }
}

/**
 * Writes `content` (one writer a path at a time) beside `path` and renames it there once all of it is on disk; an older file of that name is replaced. When
 * `expected` is given, content that differs is not published: throws RangeError.
 */
export async function writeStoredFile(
  path: string,
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  { signal, expected }: { readonly signal?: AbortSignal; readonly expected?: FileDigest } = {},
): Promise<FileDigest> {
  await makeStoreDirectory(dirname(path));
  const partial = `${path}${UNFINISHED_SUFFIX}`;
  await rm(partial, { force: true });
  try {
    const digest = await writeWhole(partial, content, signal);
    if (expected !== undefined && expected.sha256 !== digest.sha256) {
      throw new RangeError(`${path} should have digest ${expected.sha256} and has ${digest.sha256}`);
    }
    await publish(partial, path);
    return digest;
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

export function digestBytes(data: Uint8Array): FileDigest {
  return { sha256: createHash("sha256").update(data).digest("hex"), sizeBytes: data.length };
}

/** Size and SHA-256 of a file's content. */
export async function digestFile(path: string, signal?: AbortSignal): Promise<FileDigest> {
  const hash = createHash("sha256");
  let sizeBytes = 0;
  for await (const chunk of readForeignChunks(path)) {
    signal?.throwIfAborted();
    hash.update(chunk);
    sizeBytes += chunk.length;
  }
  return { sha256: hash.digest("hex"), sizeBytes };
}

async function writeWhole(
  path: string,
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<FileDigest> {
  const hash = createHash("sha256");
  let sizeBytes = 0;
  await using file = await open(path, "wx", STORED_FILE_MODE);
  for await (const chunk of content) {
    signal?.throwIfAborted();
    hash.update(chunk);
    await file.writeFile(chunk);
    sizeBytes += chunk.length;
  }
  await file.chmod(STORED_FILE_MODE);
  await file.sync();
  return { sha256: hash.digest("hex"), sizeBytes };
}
