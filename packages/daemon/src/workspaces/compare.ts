// What became of a workspace, from what is known to be in it and what its guest tells. Pure.
import type { FileName } from "@banger/api";
import type { GuestEntry } from "@banger/api/guest-tree";
import type { Manifest } from "@banger/api/guest-manifest";

type Listed = ReadonlyMap<FileName, Pick<GuestEntry, "mode" | "stamp">>;

export interface Difference {
  /** New names, and those whose content or mode is another one. */
  readonly changed: readonly FileName[];
  readonly gone: readonly FileName[];
}

/** The known files that must be read to be compared: without a stamp, or with another one. */
export function suspects(manifest: Manifest, listed: Listed): readonly FileName[] {
  const names: FileName[] = [];
  for (const [name, { stamp }] of manifest) {
    const now = listed.get(name);
    if (now !== undefined && (stamp === "" || now.stamp !== stamp)) names.push(name);
  }
  return names;
}

/** Names that were not there. */
export function additions(manifest: Manifest, listed: Listed): readonly FileName[] {
  return [...listed.keys()].filter((name) => !manifest.has(name));
}

export interface Findings {
  readonly manifest: Manifest;
  readonly listed: Listed;
  /** What the suspects hold; one that has gone since is missing. */
  readonly identified: ReadonlyMap<FileName, Pick<GuestEntry, "mode" | "id">>;
  /** New names that count. */
  readonly added: readonly FileName[];
}

export function differenceOf({ manifest, listed, identified, added }: Findings): Difference {
  const suspected = new Set(suspects(manifest, listed));
  const edited: FileName[] = [];
  const gone: FileName[] = [];
  for (const [name, { mode, id }] of manifest) {
    const read = identified.get(name);
    const now = suspected.has(name) ? read : listed.get(name);
    if (now === undefined) gone.push(name);
    else if (now.mode !== mode || (read !== undefined && read.id !== id)) edited.push(name);
  }
  return { changed: [...edited, ...added], gone };
}

/** The stamps of files that are as they were sent; those a guest was not sure of are left out. */
export function withStamps(manifest: Manifest, listed: Listed): Manifest {
  return new Map(
    [...manifest].map(([name, entry]) => {
      const now = listed.get(name);
      return [name, { ...entry, stamp: now?.mode === entry.mode ? now.stamp : "" }];
    }),
  );
}

/** What is known anew, with the stamps of the files that hold what they held before. */
export function keepingStamps(manifest: Manifest, before: Manifest): Manifest {
  return new Map(
    [...manifest].map(([name, entry]) => {
      const old = before.get(name);
      return [name, { ...entry, stamp: old?.id === entry.id && old.mode === entry.mode ? old.stamp : "" }];
    }),
  );
}
