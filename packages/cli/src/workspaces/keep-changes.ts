// Work is never thrown away silently: before a `--rm` VM goes, what its guest changed is kept as a patch.
import { mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import { BangerError, routes, type Client, type Vm } from "@banger/api";
import type { CliContext } from "../context.ts";
import { shellLine } from "../ssh/argv.ts";
import { guestChanges } from "./guest-changes.ts";
import { workspaceStores } from "./stores.ts";

export interface Leaving {
  readonly context: CliContext;
  readonly client: Client;
  readonly vm: Vm;
}

/** Keeps the changes and answers true when the VM can go; otherwise says why it stays, and that it is no longer leased. */
export async function keepChanges({ context, client, vm }: Leaving): Promise<boolean> {
  const store = workspaceStores(context).of(vm.id);
  const record = await store.record();
  if (record === undefined) return true;
  try {
    const found = await guestChanges(context, { vmName: vm.name });
    if (found.changes.changed.length > 0) {
      const file = await writePatch(context, vm.name, found.patch());
      const count = found.changes.changed.length === 1 ? "1 changed file is" : `${found.changes.changed.length} changed files are`;
      context.output.note(`${count} kept of ${vm.name}.  take them: ${shellLine(["git", "-C", record.top, "apply", file])}`);
    }
  } catch (error) {
    if (error instanceof BangerError && error.code === "vm.not_found") return true;
    await client.call(routes.vmLeaseRelease, { params: { name: vm.name } }).catch(() => undefined);
    context.output.note(
      `! ${vm.name} stays: what it changed could not be taken out (${error instanceof Error ? error.message : String(error)})  delete: banger vm delete ${vm.name}`,
    );
    return false;
  }
  await store.remove();
  return true;
}

/** A file of its own in the user's state directory, closed to others. */
async function writePatch(context: CliContext, vmName: string, patch: AsyncGenerator<Buffer>): Promise<string> {
  const directory = join(context.paths.stateDir, "kept-changes");
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const stamp = new Date(context.deps.now()).toISOString().replaceAll(/[-:]|\..*$/g, "");
  for (let serial = 0; ; serial += 1) {
    const path = join(directory, `${vmName}-${stamp}${serial === 0 ? "" : `-${serial}`}.patch`);
    try {
      await using file = await open(path, "wx", 0o600);
      for await (const chunk of patch) await file.writeFile(chunk);
      return path;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
}
