// Unix socket paths longer than the kernel's sun_path (107 bytes and a NUL) are reached through a descriptor of
// their directory: /proc/self/fd/N/name.
import { closeSync, openSync } from "node:fs";
import { basename, dirname } from "node:path";

const MAX_SUN_PATH = 107;

export interface ShortPath extends Disposable {
  readonly path: string;
}

/** A path of at most 107 bytes that names the same socket for as long as it is not disposed. */
export function shortSocketPath(path: string): ShortPath {
  if (Buffer.byteLength(path) <= MAX_SUN_PATH) return { path, [Symbol.dispose]: () => undefined };
  const directory = openSync(dirname(path), "r");
  return {
    path: `/proc/self/fd/${directory}/${basename(path)}`,
    [Symbol.dispose]: () => closeSync(directory),
  };
}
