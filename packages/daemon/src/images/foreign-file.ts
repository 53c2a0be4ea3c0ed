// Reading what a build has made, in a directory that belongs to whoever runs it: a symlink there could lead a root daemon to
// any file of the host, and a pipe would keep it waiting.
import { constants } from "node:fs";
import { open } from "node:fs/promises";

/** Flags of open(2) that follow no symlink in the last place and wait for nobody. */
export const READ_FOREIGN = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** The file's content. */
export async function* readForeignChunks(path: string): AsyncGenerator<Buffer> {
  await using file = await open(path, READ_FOREIGN);
  yield* file.createReadStream({ highWaterMark: 1024 * 1024, autoClose: false }) as AsyncIterable<Buffer>;
}
