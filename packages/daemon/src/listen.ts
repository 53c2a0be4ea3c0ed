// Binds the API's Unix socket so that it is never open to others, not even for a moment. Only the holder of the daemon lock
// comes here, so a socket in the way is stale; anything else there is somebody's.
import { chmod, lstat, unlink } from "node:fs/promises";
import { BangerError, shortSocketPath } from "@banger/api";
import type { FastifyInstance } from "fastify";

/** Throws `daemon.start_failed` when something that is no socket is in its place. */
export async function listenOnSocket(app: FastifyInstance, path: string): Promise<void> {
  await removeStale(path);
  const umask = process.umask(0o177);
  try {
    using short = shortSocketPath(path);
    await app.listen({ path: short.path });
  } finally {
    process.umask(umask);
  }
  await chmod(path, 0o600);
}

async function removeStale(path: string): Promise<void> {
  const there = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (there === undefined) return;
  if (there.isSocket()) return await unlink(path);
  const what = there.isDirectory() ? "a directory" : there.isSymbolicLink() ? "a symbolic link" : "a file";
  throw new BangerError("daemon.start_failed", `the daemon's socket has no place: ${path} is ${what}`, {
    hint: `mv ${path} ${path}.aside`,
  });
}
