// The user's own records of workspaces.
import { join } from "node:path";
import { WorkspaceStores } from "@banger/workspace";
import type { CliContext } from "../context.ts";

export function workspaceStores({ paths }: Pick<CliContext, "paths">): WorkspaceStores {
  return new WorkspaceStores(join(paths.stateDir, "workspaces"));
}
