// Unix socket paths longer than the kernel's sun_path (107 bytes and a NUL) are reached through a descriptor of
// their directory: /proc/self/fd/N/name.
import { closeSync, openSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { basename, dirname } from "node:path";
import { unreachable } from "./unreachable.ts";

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

/** A connection under way. Throws `daemon.unreachable` where the directory of a path that is too long for the kernel is not there. */
export function connectTo(path: string, { allowHalfOpen = false }: { readonly allowHalfOpen?: boolean } = {}): Socket {
  try {
    using short = shortSocketPath(path);
    return connect({ path: short.path, allowHalfOpen });
  } catch (error) {
    throw unreachable(path, error as NodeJS.ErrnoException);
  }
}
