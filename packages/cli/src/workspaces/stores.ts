// Where the user's own records of workspaces are.
import { join } from "node:path";
import { WorkspaceStores } from "@banger/workspace";
import type { CliContext } from "../context.ts";

export function workspaceStores(context: CliContext): WorkspaceStores {
  return new WorkspaceStores(join(context.paths.stateDir, "workspaces"));
}
