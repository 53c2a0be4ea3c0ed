// Where changes are read from: a guest, or what was kept of one that is stopped or gone. Both say what files there are, which
// contents they have, and hand over those that are asked for.
import type { Readable } from "node:stream";
import { BangerError, routes, shownName } from "@banger/api";
import { identifyNames, listTree, selectionOf, selections } from "@banger/api/guest-tree";
import type { Client, FileName } from "@banger/api";
import { trackedNames } from "@banger/api/guest-index";
import { parseManifest, type Manifest } from "@banger/api/guest-manifest";
import type { GuestEntry, GuestLimits, ListedTree, TreeTeller } from "@banger/api/guest-tree";
import { readGuestFiles } from "./guest-files.ts";
import { readBlobs, type FetchedBlob, type FetchOptions } from "./fetch-blobs.ts";

export interface ChangesSource {
  /** What was known of the files when they were sent; by their stamps those that are still the same are told. */
  known(): Promise<Manifest>;
  /** What is there; directories that hold files that were `sent` are looked into whatever they have become. */
  list(sent: Iterable<FileName>): Promise<ListedTree>;
  /** Some names with the ids of their contents; those that are gone are missing. */
  identify(names: readonly FileName[]): Promise<ReadonlyMap<FileName, Pick<GuestEntry, "mode" | "id">>>;
  /** Those of some names that git tracks there, whatever it ignores. */
  tracked(names: Iterable<FileName>): Promise<ReadonlySet<FileName>>;
  /** Puts what the names hold into the store; those that are gone are missing. Throws `workspace.unsafe` past a limit. */
  fetch(names: readonly FileName[], options: FetchOptions): Promise<ReadonlyMap<FileName, FetchedBlob>>;
}

export interface GuestWorkspace {
  readonly client: Client;
  readonly vmName: string;
  /** Directory in the guest. */
  readonly path: string;
  readonly limits: GuestLimits;
  readonly signal?: AbortSignal | undefined;
}

/** A running guest, asked through the daemon. */
export function guestSource(guest: GuestWorkspace): ChangesSource {
  const directory = { teller: tellerOf(guest, { stamps: "true" }), path: guest.path, limits: guest.limits };
  return {
    known: () => knownOf(guest),
    list: (sent) => listTree(directory, sent),
    identify: (names) => identifyNames(directory, names),
    tracked: (names) => trackedNames((files, maxBytes) => readGuestFiles(guest, files, maxBytes), names),
    fetch: (names, options) => fetchFromGuest(guest, names, options),
  };
}

export function tellerOf({ client, vmName: name, signal }: GuestWorkspace, listed: { readonly stamps?: "true" } = {}): TreeTeller {
  const options = signal === undefined ? {} : { signal };
  return {
    tree: (path) => client.bytes(routes.vmTree, { params: { name }, query: { path, ...listed } }, options),
    treeIds: (selection) =>
      client.bytes(routes.vmTreeIds, { params: { name }, body: { ...selection, paths64: [...selection.paths64] } }, options),
  };
}

/** Nothing, where the daemon was not told of the copy: then every file is read. */
async function knownOf({ client, vmName: name, path, signal }: GuestWorkspace): Promise<Manifest> {
  const options = signal === undefined ? {} : { signal };
  try {
    return await parseManifest(await client.bytes(routes.workspaceFiles, { params: { name }, query: { path } }, options));
  } catch (error) {
    if (error instanceof BangerError && error.code === "workspace.not_found") return new Map();
    throw error;
  }
}

async function fetchFromGuest(
  { client, vmName, path, limits, signal }: GuestWorkspace,
  names: readonly FileName[],
  options: FetchOptions,
): Promise<ReadonlyMap<FileName, FetchedBlob>> {
  const fetched = new Map<FileName, FetchedBlob>();
  const budget = { bytes: limits.totalBytes };
  const request = signal === undefined ? {} : { signal };
  for (const some of selections(names)) {
    const source: Readable = await client.bytes(routes.vmFilesSelect, { params: { name: vmName }, body: selectionOf(path, some) }, request);
    const nameOf = (at: number) => shownName(some[at] ?? ("" as FileName));
    for await (const { at, ...blob } of readBlobs({ ...options, source, limits, end: some.length, budget, nameOf })) {
      const name = some[at];
      if (name !== undefined) fetched.set(name, blob);
      options.onProgress?.(fetched.size, limits.totalBytes - budget.bytes);
    }
  }
  return fetched;
}
