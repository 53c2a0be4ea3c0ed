// Whether all that was kept of a guest has come back: what it held, told from the kept tar, is what somebody says to have of it. Who
// says so may have left files alone, or may have looked at the guest before its last edits.
import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { BangerError, nameOfBytes, type FileName } from "@banger/api";
import type { Manifest, ManifestEntry } from "@banger/api/guest-manifest";
import { extract, type Header } from "tar-stream";
import * as z from "zod/mini";
import { INDEX } from "./changes-tar.ts";

type Content = Pick<ManifestEntry, "mode" | "id">;

export interface KeptWork {
  /** What the changes are to. */
  readonly before: Manifest;
  /** As `writeChangesTar` wrote it; undefined when nothing had changed. */
  readonly tar: Readable | undefined;
}

export async function hasComeBack(manifest: Manifest, { before, tar }: KeptWork): Promise<boolean> {
  const { changed, gone } = tar === undefined ? NOTHING : await readChanges(tar);
  let unchanged = 0;
  for (const [name, { mode, id }] of before) {
    if (gone.has(name) || changed.has(name)) continue;
    unchanged += 1;
    if (!isSame(manifest.get(name), { mode, id })) return false;
  }
  return manifest.size === unchanged + changed.size && [...changed].every(([name, content]) => isSame(manifest.get(name), content));
}

function isSame(left: Content | undefined, right: Content): boolean {
  return left?.mode === right.mode && left.id === right.id;
}

const indexLine = z.object({
  at: z.optional(z.int()),
  path64: z.optional(z.string()),
  gone: z.optional(z.boolean()),
});

interface Changes {
  readonly changed: ReadonlyMap<FileName, Content>;
  readonly gone: ReadonlySet<FileName>;
}

const NOTHING: Changes = { changed: new Map(), gone: new Set() };

async function readChanges(tar: Readable): Promise<Changes> {
  const contents = new Map<number, Content>();
  const changed = new Map<FileName, Content>();
  const gone = new Set<FileName>();
  const archive = extract();
  tar.on("error", (cause: Error) => archive.destroy(cause));
  for await (const entry of tar.pipe(archive) as AsyncIterable<AsyncIterable<Buffer> & { readonly header: Header }>) {
    const { name, size, mode } = entry.header;
    if (name !== INDEX) {
      const hash = createHash("sha1").update(`blob ${size}\0`);
      for await (const chunk of entry) hash.update(chunk);
      const kind = name.endsWith("@") ? "120000" : (mode & 0o100) === 0 ? "100644" : "100755";
      contents.set(Number.parseInt(name, 10), { mode: kind, id: hash.digest("hex") });
      continue;
    }
    for (const line of (await buffer(entry)).toString("utf8").split("\n").slice(0, -2)) {
      const { at, path64 = "", gone: isGone } = indexLine.parse(JSON.parse(line));
      const content = at === undefined ? undefined : contents.get(at);
      const path = nameOfBytes(Buffer.from(path64, "base64"));
      if (content !== undefined) changed.set(path, content);
      else if (isGone === true) gone.add(path);
    }
    return { changed, gone };
  }
  throw new BangerError("internal", "kept changes have no index");
}
