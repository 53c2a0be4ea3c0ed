// What a running guest's repository holds that no list of changed files shows.
import { buffer } from "node:stream/consumers";
import { BangerError, routes } from "@banger/api";
import { lonelyRefs } from "@banger/api/guest-refs";
import { selectionOf, selections } from "@banger/api/guest-tree";
import { tellerOf, type GuestWorkspace } from "./changes-source.ts";
import { guestTarEntries } from "./copy/tar-entries.ts";
import { shownName, type FileName } from "./names.ts";
import type { WorkspaceRecord } from "./store.ts";

/** Branches and stashes, as `refs/heads/wip`, with commits that are in the guest alone. Throws what `lonelyRefs` throws. */
export async function lonelyGuestRefs(
  guest: GuestWorkspace,
  { head, branches = {}, attempts = [] }: Pick<WorkspaceRecord, "head" | "branches" | "attempts">,
): Promise<readonly string[]> {
  const teller = tellerOf(guest);
  const known = [head, ...Object.values(branches), ...attempts.map(({ git }) => git.head)].filter((commit) => commit !== null);
  return await lonelyRefs(
    { list: (name) => teller.tree(`${guest.path}/${name}`), read: (names, maxBytes) => readFiles(guest, names, maxBytes) },
    known,
  );
}

async function readFiles(
  { client, vmName, path, signal }: GuestWorkspace,
  names: readonly FileName[],
  maxBytes: number,
): Promise<ReadonlyMap<FileName, Buffer>> {
  const found = new Map<FileName, Buffer>();
  const options = signal === undefined ? {} : { signal };
  for (const some of selections(names)) {
    const source = await client.bytes(routes.vmFilesSelect, { params: { name: vmName }, body: selectionOf(path, some) }, options);
    for await (const { name: position, size, content } of guestTarEntries(source)) {
      // A link is named by its position and a mark; git follows none there.
      const name = /^\d{1,9}$/.test(position) ? some[Number(position)] : undefined;
      if (name === undefined) continue;
      if (size > maxBytes) throw new BangerError("workspace.unsafe", `${shownName(name)} in the guest is larger than ${maxBytes} bytes`);
      found.set(name, await buffer(content));
    }
  }
  return found;
}
