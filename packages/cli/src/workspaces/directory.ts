// Where the user's own records of workspaces are.
import { join } from "node:path";
import type { CliContext } from "../context.ts";

export function workspacesDirectory({ paths }: Pick<CliContext, "paths">): string {
  return join(paths.stateDir, "workspaces");
}
