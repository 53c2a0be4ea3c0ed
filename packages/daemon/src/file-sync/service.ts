// The owner's files for new VMs, as config.toml says at this moment.
import { Readable } from "node:stream";
import { pack } from "tar-stream";
import type { Config } from "../config/contract.ts";
import { collect, type Collected } from "./collect.ts";
import type { FileSync, SyncedFiles } from "./contract.ts";

export interface FileSyncDeps {
  readonly config: () => Promise<Config>;
  readonly home: string;
}

export function createFileSync({ config, home }: FileSyncDeps): FileSync {
  const collected = async (withContent: boolean) => await collect({ paths: (await config()).fileSync, home, withContent });
  return {
    look: async () => told(await collected(false)),
    async read() {
      const found = await collected(true);
      return { ...told(found), tar: found.items.length === 0 ? null : Readable.from(entries(found)) };
    },
  };
}

function told({ items, bytes, leftOut }: Collected): SyncedFiles {
  return { files: items.filter(({ kind }) => kind === "file").length, bytes, leftOut };
}

async function* entries({ items }: Collected): AsyncGenerator<Buffer> {
  const archive = pack();
  const filled = (async () => {
    for (const { name, kind, mode, content } of items) {
      await new Promise<void>((resolve, reject) =>
        archive.entry({ name, type: kind, mode, mtime: new Date(0) }, content ?? Buffer.alloc(0), (error) =>
          error === null || error === undefined ? resolve() : reject(error),
        ),
      );
    }
    archive.finalize();
  })();
  filled.catch((error: Error) => archive.destroy(error));
  for await (const chunk of archive) yield chunk as Buffer;
  await filled;
}
