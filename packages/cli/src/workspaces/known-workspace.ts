// Where a VM's workspace is, in one small read: every `vm exec` asks.
import { readFileSync } from "node:fs";
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
export function findWorkspace(context: CliContext, vmName: string): KnownWorkspace | undefined {
  const text = readIfThere(join(context.paths.stateDir, "workspaces/.by-name", `${vmName}.json`));
  if (text === undefined) return undefined;
  // Written by us, whole or not at all.
  const place = JSON.parse(text) as KnownWorkspace;
  return place.socket === context.socket.path ? place : undefined;
}

/** At once: the promises of node:fs and the threads behind them cost more than the file. */
function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
