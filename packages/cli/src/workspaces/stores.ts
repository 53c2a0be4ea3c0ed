// The user's own records of workspaces.
import { join } from "node:path";
import { WorkspaceStores, type StoreLock } from "@banger/workspace";
import type { CliContext } from "../context.ts";

export function workspaceStores({ paths }: Pick<CliContext, "paths">): WorkspaceStores {
  return new WorkspaceStores(join(paths.stateDir, "workspaces"));
}

/** Held while the workspace of a VM is read and written: another banger waits that long. */
export async function lockWorkspace(
  context: CliContext,
  { id, name }: { readonly id: string; readonly name: string },
  signal?: AbortSignal,
): Promise<StoreLock> {
  const onWait = () => context.output.note(`waiting: another banger works on the workspace of ${name}`);
  return await workspaceStores(context).lock(id, { onWait, signal });
}
