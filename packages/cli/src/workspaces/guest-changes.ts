// The changes of a VM's workspace, for the commands that show, export and pull them: of its guest while that runs, else what was
// kept of it.
import { BangerError, routes, type Client } from "@banger/api";
import { GUEST_LIMITS } from "@banger/api/guest-tree";
import {
  collectChanges,
  Git,
  guestSource,
  inCleanForm,
  keptSource,
  lonelyGuestRefs,
  makePatch,
  shownName,
  type Changes,
  type ChangesSource,
  type WorkspaceRecord,
  type WorkspaceStore,
} from "@banger/workspace";
import type { CliContext } from "../context.ts";
import { interruptible } from "../interrupt.ts";
import { createProgress } from "../output/progress.ts";
import { lonelyRemark } from "./kept-work.ts";
import { findPlace, type WorkspacePlace } from "./place.ts";
import { lockWorkspace, workspaceStores } from "./stores.ts";

export interface GuestChanges {
  readonly vm: Pick<WorkspacePlace, "id" | "name">;
  /** Whether the VM is not gone. */
  readonly isThere: boolean;
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
  /** Its name; the id of a VM that is gone will do. */
  readonly vmName: string;
  /** Commit of the host's repository to compare with. */
  readonly baseCommit?: string | undefined;
  /** Patterns of ignored files that come nevertheless. */
  readonly includeIgnored?: readonly string[] | undefined;
}

/** Throws `workspace.not_found` for a VM without one, `vm.not_running`, `workspace.unsafe` for what the guest must not name. */
export async function guestChanges(context: CliContext, { vmName, ...options }: ChangesOptions): Promise<GuestChanges> {
  const client = await context.connect();
  const place = await findPlace(client, vmName);
  using _lock = await lockWorkspace(context, place);
  return await changesAt(context, { client, place, ...options });
}

export interface ChangesAt extends Omit<ChangesOptions, "vmName"> {
  readonly client: Client;
  readonly place: WorkspacePlace;
}

/** The same for who holds the lock of the workspace. */
export async function changesAt(context: CliContext, { client, place, baseCommit, includeIgnored }: ChangesAt): Promise<GuestChanges> {
  const stores = workspaceStores(context);
  const store = stores.of(place.id);
  const record = await store.record();
  if (record === undefined)
    throw new BangerError("workspace.not_found", `${place.name} has no workspace of yours`, {
      hint: "banger vm run PATH makes a VM with one",
    });
  if (place.kept !== undefined && (includeIgnored?.length ?? 0) > 0)
    context.output.note(`! ${place.name} does not run, and what git ignores was not kept of it`);
  const git = new Git({ env: context.deps.env });
  const from = baseCommit === undefined ? record.baseTree : await resolveTree(git, record, baseCommit);
  await using scratch = await stores.scratch();
  using progress = await createProgress(context);
  const sink = progress.sink();
  const changes = await interruptible(context.deps, {
    work: async (signal) => {
      const source = await openSource({ client, place, git, store, record, signal });
      const onProgress = (files: number, done: number) =>
        sink({ type: "stage.progress", stage: "changes", done, total: null, unit: "bytes", files, atMs: 0 });
      return collectChanges({ git, store, record, source, scratch: scratch.path, onProgress, includeIgnored });
    },
    undone: () => Promise.resolve("cancelled: nothing was changed"),
  });
  const { baseTree: base, cleanTree: cleanBase = base } = record;
  const to = baseCommit === undefined ? changes.tree : await inCleanForm(git, store, { base, cleanBase, theirs: changes.tree });
  if (changes.repositories.length > 0)
    context.output.note(`! left out, repositories of their own: ${changes.repositories.map(shownName).join(", ")}`);
  await tellLonelyRefs(context, { client, place, record });
  return {
    vm: place,
    isThere: place.isThere,
    record,
    changes,
    patch: (options) => patchOf(git, { store, from, to, options }),
  };
}

interface Opening {
  readonly client: Client;
  readonly place: WorkspacePlace;
  readonly git: Git;
  readonly store: WorkspaceStore;
  readonly record: WorkspaceRecord;
  readonly signal: AbortSignal;
}

async function openSource({ client, place, git, store, record, signal }: Opening): Promise<ChangesSource> {
  const path = record.guestPath;
  if (place.kept === undefined) return guestSource({ client, vmName: place.name, path, limits: GUEST_LIMITS, signal });
  const workspace = place.kept.find(({ guestPath }) => guestPath === path);
  if (workspace?.kept === undefined || workspace.kept === null)
    throw new BangerError("workspace.not_found", `nothing is kept of ${path} of ${place.name}`, { hint: "banger vm workspace list" });
  const base = await store.readTree(git, workspace.tree);
  const isEmpty = workspace.kept.files === 0;
  const tar = isEmpty ? undefined : await client.bytes(routes.keptChanges, { params: { id: place.id }, query: { path } }, { signal });
  return await keptSource({ base, tar, objects: store.objects, limits: GUEST_LIMITS });
}

/** What no patch has. That it cannot be told is no reason to show no changes. */
async function tellLonelyRefs(context: CliContext, { client, place, record }: Pick<Opening, "client" | "place" | "record">): Promise<void> {
  const path = record.guestPath;
  const kept = place.kept?.find(({ guestPath }) => guestPath === path)?.kept;
  const guest = { client, vmName: place.name, path, limits: GUEST_LIMITS };
  try {
    const refs = place.kept === undefined ? await lonelyGuestRefs(guest, record) : (kept?.lonelyRefs ?? []);
    if (refs.length > 0) context.output.note(lonelyRemark(place.name, refs));
  } catch (error) {
    if (!(error instanceof BangerError) || !error.code.startsWith("workspace.")) throw error;
    context.output.note(`! ${error.message}`);
  }
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
