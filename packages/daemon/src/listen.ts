// Binds the API's Unix socket so that it is never open to others, not even for a moment. Only the holder of the daemon lock
// comes here, so a file in the way is stale.
import { chmod, unlink } from "node:fs/promises";
import { shortSocketPath } from "@banger/api";
import type { FastifyInstance } from "fastify";

export async function listenOnSocket(app: FastifyInstance, path: string): Promise<void> {
  await unlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
  const umask = process.umask(0o177);
  try {
    using short = shortSocketPath(path);
    await app.listen({ path: short.path });
  } finally {
    process.umask(umask);
  }
  await chmod(path, 0o600);
}
