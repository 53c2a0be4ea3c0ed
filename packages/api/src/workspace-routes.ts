// The routes of workspaces: what the daemon knows of repositories that were copied into VMs, and what it kept of them.
import type { Route } from "./route.ts";

export const workspaceRoutes = {
  workspacePut: {
    id: "workspacePut",
    kind: "json",
    method: "PUT",
    path: "/v1/vms/:name/workspaces",
    summary:
      "Tell what a directory of the guest holds: the answer of `git ls-tree -r -z` for the tree that was copied there, or has come back since. What differs from it is kept when the VM goes.",
    bodyContentType: "application/octet-stream",
    errors: ["vm.not_found", "api.bad_request", "workspace.unsafe"],
  },
  workspaceFiles: {
    id: "workspaceFiles",
    kind: "bytes",
    method: "GET",
    path: "/v1/vms/:name/workspaces/files",
    summary:
      "What a directory of the guest is known to hold, as `git ls-tree -r -z` prints it, with the stamp of each file as one word more: one that still has it need not be read.",
    contentType: "application/octet-stream",
    errors: ["vm.not_found", "workspace.not_found"],
  },
  keptList: {
    id: "keptList",
    kind: "json",
    method: "GET",
    path: "/v1/kept",
    summary: "VMs that are gone and left changes, the latest first.",
    errors: [],
  },
  keptChanges: {
    id: "keptChanges",
    kind: "bytes",
    method: "GET",
    path: "/v1/kept/:id/changes",
    summary:
      "What was kept of a workspace of a stopped VM or one that is gone, by the VM's id: contents named by position, and last an index.",
    contentType: "application/x-tar",
    errors: ["workspace.not_found"],
  },
  keptDelete: {
    id: "keptDelete",
    kind: "json",
    method: "DELETE",
    path: "/v1/kept/:id",
    summary: "Throw away what is kept of a VM that is gone.",
    errors: ["workspace.not_found"],
  },
} as const satisfies Readonly<Record<string, Route>>;
