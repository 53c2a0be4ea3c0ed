// Where the workspace of a VM is to be looked for: in a guest that runs, or in what was kept of one that does not.
import { BangerError, routes, type Client, type KeptVm, type Vm, type Workspace } from "@banger/api";

export type WorkspacePlace = Pick<Vm, "id" | "name"> & {
  /** What was kept; undefined when the guest itself is to be asked. */
  readonly kept: readonly Workspace[] | undefined;
  /** False for one that is gone. */
  readonly isThere: boolean;
};

/**
 * The VM of that name, or one that is gone, by name or id: one that is there wins, then the one that went last. Throws
 * `vm.not_found`, and `vm.not_running` for one that is stopped and of which nothing was taken since it last ran.
 */
export async function findPlace(client: Client, nameOrId: string): Promise<WorkspacePlace> {
  const vm = await findVm(client, nameOrId);
  if (vm === undefined) return await findGone(client, nameOrId);
  // What stands still may go on: then its guest is asked.
  if (vm.status !== "stopped" || vm.workspaces.length === 0) return { ...vm, kept: undefined, isThere: true };
  if (vm.workspaces.every(({ kept }) => kept?.isLatest === true)) return { ...vm, kept: vm.workspaces, isThere: true };
  throw new BangerError("vm.not_running", `${vm.name} is stopped, and nothing was taken out of it since it last ran`, {
    hint: `banger vm start ${vm.name}`,
  });
}

/** VMs that are gone, by id or name; the one that went last comes first. */
export async function findAllGone(client: Client, nameOrId: string): Promise<readonly KeptVm[]> {
  const all = await client.call(routes.keptList, {});
  return all.filter(({ id, name }) => id === nameOrId || name === nameOrId);
}

async function findVm(client: Client, name: string): Promise<Vm | undefined> {
  try {
    return await client.call(routes.vmShow, { params: { name } });
  } catch (error) {
    if (error instanceof BangerError && error.code === "vm.not_found") return undefined;
    throw error;
  }
}

async function findGone(client: Client, nameOrId: string): Promise<WorkspacePlace> {
  const [gone] = await findAllGone(client, nameOrId);
  if (gone !== undefined) return { id: gone.id, name: gone.name, kept: gone.workspaces, isThere: false };
  throw new BangerError("vm.not_found", `no VM is called ${JSON.stringify(nameOrId)}, and nothing is kept of one`, {
    hint: "banger vm workspace list",
  });
}
