// The changes the daemon kept of a guest, as a source. They come as a tar of contents named by position, and last an `index` of
// lines of JSON that says which names they belong to, what is gone, and what was left out; docs/workspaces.md has the format.
// The daemon has checked it all; it came from a guest nevertheless, and is checked again.
import { Readable } from "node:stream";
import { BangerError, shownName } from "@banger/api";
import { boundedLines, checkedName, refuseInside } from "@banger/api/guest-tree";
import type { FileName } from "@banger/api";
import type { GuestEntry, GuestLimits, ListedTree } from "@banger/api/guest-tree";
import * as z from "zod/mini";
import type { ChangesSource } from "./changes-source.ts";
import { readBlobs, type FetchedBlob } from "./fetch-blobs.ts";

export interface KeptChanges {
  /** What the changes are to: names and contents of the tree that was registered. */
  readonly base: ReadonlyMap<FileName, { readonly mode: string; readonly id: string }>;
  /** Undefined when nothing changed. */
  readonly tar: Readable | undefined;
  /** Directory of the store's objects: the contents are put there at once. */
  readonly objects: string;
  readonly limits: GuestLimits;
}

const INDEX = "index";
const MAX_INDEX = 512 * 1024 * 1024;

const indexLine = z.object({
  path: z.optional(z.string()),
  path64: z.optional(z.string()),
  at: z.optional(z.int().check(z.minimum(0))),
  gone: z.optional(z.literal(true)),
  tracked: z.optional(z.literal(true)),
  repository: z.optional(z.literal(true)),
});
const lastLine = z.strictObject({ entries: z.int() });

/** Reads all of it. Throws `workspace.unsafe` for names and limits, `guest.failed` for what is no such tar. */
export async function keptSource({ base, tar, objects, limits }: KeptChanges): Promise<ChangesSource> {
  if (tar === undefined)
    return sourceOf({
      files: new Map([...base].map(([name, { mode, id }]) => [name, entryOf(name, { mode, id, size: 0 })])),
      repositories: [],
    });
  const blobs = new Map<number, FetchedBlob>();
  let index: Buffer | undefined;
  const last = { name: INDEX, maxBytes: MAX_INDEX, take: (content: Buffer) => (index = content) };
  const budget = { bytes: limits.totalBytes };
  for await (const { at, ...blob } of readBlobs({ source: tar, objects, limits, end: limits.entries, budget, last })) blobs.set(at, blob);
  if (index === undefined) throw broken("they have no index");
  const { changed, gone, tracked, repositories } = await readIndex(index, blobs);
  const files = new Map<FileName, GuestEntry>();
  for (const [name, { mode, id }] of base) if (!gone.has(name) && !changed.has(name)) files.set(name, entryOf(name, { mode, id, size: 0 }));
  for (const [name, blob] of changed) files.set(name, entryOf(name, blob));
  refuseInside(files);
  return sourceOf({ files, repositories }, tracked);
}

/** The store has every content: those of the tree since it was registered, the others since a moment ago. */
function sourceOf(listed: ListedTree, tracked: ReadonlySet<FileName> = new Set()): ChangesSource {
  const among = (names: readonly FileName[]) =>
    new Map(
      names.flatMap((name) => {
        const entry = listed.files.get(name);
        return entry === undefined ? [] : [[name, entry] as const];
      }),
    );
  return {
    known: () => Promise.resolve(new Map()),
    list: () => Promise.resolve(listed),
    identify: (names) => Promise.resolve(among(names)),
    tracked: () => Promise.resolve(tracked),
    fetch: (names) => Promise.resolve(among(names)),
  };
}

interface Index {
  readonly changed: ReadonlyMap<FileName, FetchedBlob>;
  readonly gone: ReadonlySet<FileName>;
  readonly tracked: ReadonlySet<FileName>;
  readonly repositories: readonly FileName[];
}

async function readIndex(index: Buffer, blobs: ReadonlyMap<number, FetchedBlob>): Promise<Index> {
  const changed = new Map<FileName, FetchedBlob>();
  const [gone, tracked] = [new Set<FileName>(), new Set<FileName>()];
  const repositories: FileName[] = [];
  let entries = 0;
  let told: number | undefined;
  for await (const line of boundedLines(Readable.from([index]))) {
    const value = parseJson(line);
    const end = lastLine.safeParse(value);
    if (end.success) {
      told = end.data.entries;
      continue;
    }
    const parsed = indexLine.safeParse(value);
    if (!parsed.success || told !== undefined) throw broken("a line of their index is none");
    entries += 1;
    const name = checkedName(parsed.data);
    if (parsed.data.tracked === true) tracked.add(name);
    const blob = parsed.data.at === undefined ? undefined : blobs.get(parsed.data.at);
    if (parsed.data.repository === true) repositories.push(name);
    else if (parsed.data.gone === true) gone.add(name);
    else if (blob !== undefined && !changed.has(name)) changed.set(name, blob);
    else throw broken(`${shownName(name)} has no content`);
  }
  if (told !== entries) throw broken("their index breaks off");
  return { changed, gone, tracked, repositories };
}

function entryOf(name: FileName, { mode, id, size }: FetchedBlob): GuestEntry {
  return { name, type: mode === "120000" ? "symlink" : "file", mode, id, size, stamp: "" };
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw broken("a line of their index is no JSON");
  }
}

function broken(why: string): BangerError {
  return new BangerError("guest.failed", `the kept changes cannot be read: ${why}`);
}
