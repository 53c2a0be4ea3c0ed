// What clean-state ends and what is lost with it, in words. Pure.
import type { KeptVm, Vm } from "@banger/api";

type Workspaces = Pick<Vm, "workspaces">;

/** A line for each VM, and for each workspace that outlived its own. */
export function lostWork(vms: readonly Pick<Vm, "name" | "status" | "workspaces">[], gone: readonly Pick<KeptVm, "name" | "workspaces">[]) {
  const ofVms = vms.map(({ name, status, workspaces }) => [`VM ${name} (${status})`, ...inside(status, workspaces)].join(", with "));
  const ofGone = gone.flatMap(({ name, workspaces }) => keptIn(workspaces).map((kept) => `${kept}, kept of ${name}, which is gone`));
  return [...ofVms, ...ofGone];
}

/** Where no daemon tells: the ids that directories are called by. */
export function lostDirectories(vmIds: readonly string[], keptIds: readonly string[]): readonly string[] {
  return [
    ...vmIds.map((id) => `the VM with the id ${id}`),
    ...keptIds.map((id) => `what is kept of the VM with the id ${id}, which is gone`),
  ];
}

/** What a guest that runs has changed only the guest knows. */
function inside(status: Vm["status"], workspaces: Workspaces["workspaces"]): readonly string[] {
  if (status === "stopped") return keptIn(workspaces);
  return workspaces.map(({ source }) => `what has changed in its copy of ${source}`);
}

function keptIn(workspaces: Workspaces["workspaces"]): readonly string[] {
  return workspaces.flatMap(({ source, kept }) => {
    if (kept?.isLatest !== true) return [`what has changed in its copy of ${source}`];
    if (kept.files === 0) return [];
    return [`${kept.files} changed ${kept.files === 1 ? "file" : "files"} of ${source}`];
  });
}
