// Tells the daemon what a guest holds of a workspace: what differs from it is kept when the VM goes.
import { Readable } from "node:stream";
import { routes, type Client, type Workspace } from "@banger/api";
import type { CliContext } from "../context.ts";
import { treeListing, type Git, type WorkspaceRecord, type WorkspaceStore } from "@banger/workspace";

export interface Registration {
  readonly client: Client;
  readonly vmName: string;
  readonly git: Git;
  readonly store: WorkspaceStore;
  readonly record: WorkspaceRecord;
  /** What was sent, or what the guest's work has come back as. */
  readonly tree: string;
}

export async function registerTree({ client, vmName, git, store, record, tree }: Registration): Promise<Workspace> {
  const { guestPath: path, top: source, head, branch } = record;
  const query = { path, source, tree, ...(head === null ? {} : { head }), ...(branch === null ? {} : { branch }) };
  const body = { source: Readable.from(treeListing(git, store, tree)) };
  return await client.upload(routes.workspacePut, { params: { name: vmName }, query }, body);
}

export interface Taking {
  readonly git: Git;
  readonly store: WorkspaceStore;
  readonly vmName: string;
  /** A VM that is gone needs to know nothing more. */
  readonly isThere: boolean;
}

/** After work has come back, or more was sent: what the guest holds beyond that is what will be kept of it. */
export async function registerTaken(context: CliContext, { git, store, vmName, isThere }: Taking): Promise<void> {
  const record = isThere ? await store.record() : undefined;
  if (record === undefined) return;
  const client = await context.connect();
  await registerTree({ client, vmName, git, store, record, tree: record.takenTree ?? record.baseTree });
}
