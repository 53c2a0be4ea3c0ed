// What a running guest's repository holds that no list of changed files shows.
import { lonelyRefs } from "@banger/api/guest-refs";
import { tellerOf, type GuestWorkspace } from "./changes-source.ts";
import { readGuestFiles } from "./guest-files.ts";
import type { WorkspaceRecord } from "./store.ts";

/** Branches and stashes, as `refs/heads/wip`, with commits that are in the guest alone. Throws what `lonelyRefs` throws. */
export async function lonelyGuestRefs(
  guest: GuestWorkspace,
  { head, branches = {}, attempts = [] }: Pick<WorkspaceRecord, "head" | "branches" | "attempts">,
): Promise<readonly string[]> {
  const teller = tellerOf(guest);
  const known = [head, ...Object.values(branches), ...attempts.map(({ git }) => git.head)].filter((commit) => commit !== null);
  const list = (name: string) => teller.tree(`${guest.path}/${name}`);
  return await lonelyRefs({ list, read: (names, maxBytes) => readGuestFiles(guest, names, maxBytes) }, known);
}
