// What is said of changes that outlived their VM, and how they are thrown away.
import { describeRefs, routes, type Client, type KeptVm } from "@banger/api";
import type { CliContext } from "../context.ts";

/** Changed files of all its workspaces. */
export function countKept({ workspaces }: Pick<KeptVm, "workspaces">): number {
  return workspaces.reduce((sum, { kept }) => sum + (kept?.files ?? 0), 0);
}

export function changedFiles(count: number): string {
  return count === 1 ? "1 changed file" : `${count} changed files`;
}

/** `3 changed files of api are kept.  see them: … `; undefined when nothing is. */
export function keptRemark(kept: KeptVm | null): string | undefined {
  if (kept === null) return undefined;
  const count = countKept(kept);
  const { name } = kept;
  return `${changedFiles(count)} of ${name} ${count === 1 ? "is" : "are"} kept.  see them: banger vm workspace diff ${name}   take them: banger vm workspace pull ${name}`;
}

/** What neither a patch nor what is kept has. */
export function lonelyRemark(vmName: string, refs: readonly string[]): string {
  return `! in ${vmName} alone, with commits that are not checked out there: ${describeRefs(refs)}`;
}

/** What the daemon kept, and the user's own store for it. */
export async function discardKept(context: CliContext, client: Client, kept: Pick<KeptVm, "id" | "name">): Promise<void> {
  const { lockWorkspace, workspaceStores } = await import("./stores.ts");
  using lock = await lockWorkspace(context, kept);
  await client.call(routes.keptDelete, { params: { id: kept.id } });
  await workspaceStores(context).forget(kept.id, lock);
}
