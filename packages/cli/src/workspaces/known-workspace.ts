// Where a VM's workspace is, in one small read: every `vm exec` asks.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { CliContext } from "../context.ts";

export interface KnownWorkspace {
  /** A VM of the same name may be another one by now. */
  readonly vmId: string;
  /** Socket of the daemon that has the VM. */
  readonly socket: string;
  /** Top of the work tree on the host. */
  readonly top: string;
  readonly guestPath: string;
  /** Commit the copy was made on. */
  readonly head: string | null;
}

/** Undefined when the name has no workspace; that the VM is the same is for the caller to see. */
export async function findWorkspace(context: CliContext, vmName: string): Promise<KnownWorkspace | undefined> {
  const path = join(context.paths.stateDir, "workspaces/.by-name", `${vmName}.json`);
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  // Written by us, whole or not at all.
  const place = JSON.parse(text) as KnownWorkspace;
  return place.socket === context.socket.path ? place : undefined;
}
