// Manifests on the daemon's disk.
import { createReadStream } from "node:fs";
import { open, rename } from "node:fs/promises";
import { manifestBytes, parseManifest, type Manifest } from "@banger/api/guest-manifest";

export async function readManifest(path: string): Promise<Manifest> {
  return await parseManifest(createReadStream(path, { highWaterMark: 1024 * 1024 }));
}

/** Whole or not at all, and on the disk when it answers. */
export async function writeManifest(path: string, manifest: Manifest): Promise<void> {
  {
    await using file = await open(`${path}.new`, "w", 0o600);
    for (const bytes of manifestBytes(manifest)) await file.writeFile(bytes);
    await file.sync();
  }
  await rename(`${path}.new`, path);
}
