// The user's own records of workspaces.
import { WorkspaceStores } from "@banger/workspace";
import type { CliContext } from "../context.ts";
import { workspacesDirectory } from "./directory.ts";

export function workspaceStores(context: CliContext): WorkspaceStores {
  return new WorkspaceStores(workspacesDirectory(context));
}
