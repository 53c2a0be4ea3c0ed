// Which repositories are in which VMs, for the commands that show VMs. The one place that knows where this is kept.
import { readdirSync } from "node:fs";
import { basename } from "node:path";
import { nameOfText, shownName } from "@banger/api";
import type { CliContext } from "../context.ts";
import { workspacesDirectory } from "./directory.ts";

export interface VmWorkspace {
  /** Top of the work tree on the host. */
  readonly source: string;
  readonly guestPath: string;
}

/** By the id of the VM; VMs without one are not in it. */
export type VmWorkspaces = ReadonlyMap<string, readonly VmWorkspace[]>;

/** Records that cannot be read are told, and leave the VMs to be shown without. */
export async function vmWorkspaces(context: CliContext): Promise<VmWorkspaces> {
  // Reading the records takes a while to load; who never copied a repository does not wait for it.
  if (!hasRecords(workspacesDirectory(context))) return new Map();
  const { workspaceStores } = await import("./stores.ts");
  try {
    const records = (await workspaceStores(context).records()).filter(({ socket }) => socket === context.socket.path);
    return new Map(records.map(({ vmId, top, guestPath }) => [vmId, [{ source: top, guestPath }]]));
  } catch (error) {
    context.output.note(`! ${workspacesDirectory(context)} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
    return new Map();
  }
}

function hasRecords(directory: string): boolean {
  try {
    return readdirSync(directory).some((name) => !name.startsWith("."));
  } catch {
    return false;
  }
}

/** `api→/root/repo`. */
export function formatWorkspaces(workspaces: readonly VmWorkspace[] | undefined): string {
  if (workspaces === undefined || workspaces.length === 0) return "-";
  return workspaces.map(({ source, guestPath }) => `${shownPath(basename(source))}→${shownPath(guestPath)}`).join(" ");
}

/** `/home/dev/api → /root/repo`. */
export function describeWorkspaces(workspaces: readonly VmWorkspace[] | undefined): string {
  if (workspaces === undefined || workspaces.length === 0) return "-";
  return workspaces.map(({ source, guestPath }) => `${shownPath(source)} → ${shownPath(guestPath)}`).join(", ");
}

/** A path for people. */
export function shownPath(path: string): string {
  return shownName(nameOfText(path));
}
