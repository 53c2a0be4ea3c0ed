// Small files of a running guest, read whole.
import { buffer } from "node:stream/consumers";
import { BangerError, routes } from "@banger/api";
import { selectionOf, selections } from "@banger/api/guest-tree";
import type { GuestWorkspace } from "./changes-source.ts";
import { guestTarEntries } from "./copy/tar-entries.ts";
import { shownName, type FileName } from "./names.ts";

/** Bytes of all files of one call. */
const MAX_ALL_BYTES = 128 * 1024 * 1024;

/** Symlinks and what is not there are missing. Throws `workspace.unsafe` for one that is larger. */
export async function readGuestFiles(
  { client, vmName, path, signal }: GuestWorkspace,
  names: readonly FileName[],
  maxBytes: number,
): Promise<ReadonlyMap<FileName, Buffer>> {
  const found = new Map<FileName, Buffer>();
  let left = MAX_ALL_BYTES;
  const options = signal === undefined ? {} : { signal };
  for (const some of selections(names)) {
    const source = await client.bytes(routes.vmFilesSelect, { params: { name: vmName }, body: selectionOf(path, some) }, options);
    for await (const { name: position, size, content } of guestTarEntries(source)) {
      // A link is named by its position and a mark.
      const name = /^\d{1,9}$/.test(position) ? some[Number(position)] : undefined;
      if (name === undefined) continue;
      left -= size;
      if (size > maxBytes || left < 0)
        throw new BangerError(
          "workspace.unsafe",
          `${shownName(name)} in the guest is larger than ${Math.min(maxBytes, left + size)} bytes`,
        );
      found.set(name, await buffer(content));
    }
  }
  return found;
}
