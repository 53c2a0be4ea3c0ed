// The changes of a VM's workspace, for the commands that show and export them.
import { BangerError, routes, type Vm } from "@banger/api";
import { GUEST_LIMITS } from "@banger/api/guest-tree";
import {
  collectChanges,
  Git,
  guestSource,
  makePatch,
  shownName,
  type Changes,
  type WorkspaceRecord,
  type WorkspaceStore,
} from "@banger/workspace";
import type { CliContext } from "../context.ts";
import { interruptible } from "../interrupt.ts";
import { createProgress } from "../output/progress.ts";
import { workspaceStores } from "./stores.ts";

export interface GuestChanges {
  readonly vm: Vm;
  readonly record: WorkspaceRecord;
  readonly changes: Changes;
  /** The patch, or a summary of it, from the base of the copy or of the commit that was asked for. */
  patch(options?: PatchOptions): AsyncGenerator<Buffer>;
}

export interface PatchOptions {
  readonly format?: "patch" | "stat";
  readonly isColoured?: boolean;
  readonly width?: number | undefined;
}

export interface ChangesOptions {
  readonly vmName: string;
  /** Commit of the host's repository to compare with. */
  readonly baseCommit?: string | undefined;
  /** Patterns of ignored files that come nevertheless. */
  readonly includeIgnored?: readonly string[] | undefined;
}

/** Throws `workspace.not_found` for a VM without one, `vm.not_running`, `workspace.unsafe` for what the guest must not name. */
export async function guestChanges(context: CliContext, { vmName, baseCommit, includeIgnored }: ChangesOptions): Promise<GuestChanges> {
  const client = await context.connect();
  const vm = await client.call(routes.vmShow, { params: { name: vmName } });
  const stores = workspaceStores(context);
  const store = stores.of(vm.id);
  const record = await store.record();
  if (record === undefined)
    throw new BangerError("workspace.not_found", `${vmName} has no workspace of yours`, { hint: "banger vm run PATH makes a VM with one" });
  const git = new Git({ env: context.deps.env });
  const from = baseCommit === undefined ? record.baseTree : await resolveTree(git, record, baseCommit);
  await using scratch = await stores.scratch();
  using progress = await createProgress(context);
  const sink = progress.sink();
  const changes = await interruptible(context.deps, {
    work: (signal) => {
      const source = guestSource({ client, vmName, path: record.guestPath, limits: GUEST_LIMITS, signal });
      const onProgress = (_files: number, done: number) =>
        sink({ type: "stage.progress", stage: "changes", done, total: null, unit: "bytes", atMs: 0 });
      return collectChanges({ git, store, record, source, scratch: scratch.path, onProgress, includeIgnored });
    },
    undone: () => Promise.resolve("cancelled: nothing was changed"),
  });
  if (changes.repositories.length > 0)
    context.output.note(`! left out, repositories of their own: ${changes.repositories.map(shownName).join(", ")}`);
  return { vm, record, changes, patch: (options) => patchOf(git, { store, from, to: changes.tree, options }) };
}

async function resolveTree(git: Git, record: WorkspaceRecord, commit: string): Promise<string> {
  const found = await git.run(["rev-parse", "--verify", "--quiet", "--end-of-options", `${commit}^{tree}`], {
    cwd: record.top,
    accept: [1, 128],
  });
  if (found.status !== 0)
    throw new BangerError("workspace.bad_request", `${JSON.stringify(commit)} is no commit of ${record.top}`, {
      hint: `git -C ${record.top} log --oneline`,
    });
  return found.stdout.toString("utf8").trim();
}

interface PatchInputs {
  readonly store: WorkspaceStore;
  readonly from: string;
  readonly to: string;
  readonly options: PatchOptions | undefined;
}

function patchOf(git: Git, { store, from, to, options = {} }: PatchInputs): AsyncGenerator<Buffer> {
  return makePatch(git, { store, from, to, ...options });
}
