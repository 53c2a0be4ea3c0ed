// The workspaces of VMs as the API offers them: what was copied in, and what was kept of it.
import type { Readable } from "node:stream";
import { BangerError, type KeptVm, type QueryOf, type Routes, type Workspace } from "@banger/api";
import { parseManifest, type Manifest } from "@banger/api/guest-manifest";
import type { AskedGuest } from "../workspaces/service.ts";
import type { VmRecord } from "../state/vm-record.ts";
import type { VmDeps } from "./deps.ts";
import type { Lifecycle } from "./lifecycle.ts";

/** A branch that was sent longer ago is told as one that nobody has. */
const MAX_HEADS = 200;

export type WorkspacePut = QueryOf<Routes["workspacePut"]>;

export class VmWorkspaces {
  readonly #deps: VmDeps;
  readonly #lifecycle: Lifecycle;

  constructor(deps: VmDeps, lifecycle: Lifecycle) {
    this.#deps = deps;
    this.#lifecycle = lifecycle;
  }

  /**
   * Takes down what a directory of the guest holds: a tree that was just copied there, or, when the directory is known, one that
   * the guest's work has come back as. Of one that is down nothing is forgotten until all of it has.
   */
  async put(name: string, put: WorkspacePut, body: Readable): Promise<Workspace> {
    const { id } = this.#deps.records.byName(name);
    const manifest = await parseManifest(body);
    return await this.#lifecycle.exclusively(id, async (signal) => {
      const record = this.#deps.records.get(id);
      const before = record.workspaces.find(({ guestPath }) => guestPath === put.path);
      if (isDownAndKept(record, before) && !(await this.#deps.workspaces.hasAll(id, before, manifest))) return before;
      const next = workspaceOf(put, { manifest, record, before, now: this.#deps.now() });
      if (before === undefined) await this.#deps.workspaces.remember(id, next, { manifest, asked: this.#askedGuest(record, signal) });
      else await this.#deps.workspaces.advance(id, next, { manifest, before: before.tree });
      const others = record.workspaces.filter((each) => each !== before);
      this.#deps.records.update(id, { workspaces: [...others, next] });
      await this.#deps.workspaces.forget(id, next);
      return next;
    });
  }

  /** What a directory of the guest is known to hold, with stamps. Throws `workspace.not_found`. */
  async known(name: string, path: string): Promise<Readable> {
    const { id, workspaces } = this.#deps.records.byName(name);
    const place = workspaces.find(({ guestPath }) => guestPath === path);
    if (place === undefined)
      throw new BangerError("workspace.not_found", `${name} has no workspace at ${path}`, { hint: "banger vm workspace list" });
    return await this.#deps.workspaces.openManifest(id, place);
  }

  /** Those of VMs that are still there are theirs. */
  async kept(): Promise<KeptVm[]> {
    return (await this.#deps.workspaces.kept()).filter(({ id }) => this.#deps.records.find(id) === undefined);
  }

  open(vmId: string, guestPath: string): Promise<Readable> {
    return this.#deps.workspaces.open(vmId, guestPath);
  }

  discard(vmId: string): Promise<void> {
    return this.#deps.workspaces.discard(vmId);
  }

  #askedGuest({ id, status }: VmRecord, signal: AbortSignal): AskedGuest | null {
    const supervisor = this.#lifecycle.supervisors.find(id);
    if (status !== "running" || supervisor?.isConnected !== true) return null;
    const { changesMs } = this.#deps.deadlinesOf(supervisor.process.accelerator);
    return { guest: supervisor.guest(), signal: AbortSignal.any([signal, AbortSignal.timeout(changesMs)]) };
  }
}

interface Known {
  readonly manifest: Manifest;
  readonly record: VmRecord;
  readonly before: Workspace | undefined;
  readonly now: Date;
}

function workspaceOf({ path, source, tree, head, branch }: WorkspacePut, { manifest, record, before, now }: Known): Workspace {
  const at = now.toISOString();
  const former = [...(before?.formerHeads ?? []), before?.head, head].filter((commit) => typeof commit === "string");
  // Of a VM that is down all work has come back with the tree, but its refs; one that runs goes on.
  const kept = isDownAndKept(record, before) ? before.kept : null;
  return {
    guestPath: path,
    source,
    tree,
    head: head ?? null,
    formerHeads: [...new Set(former)].slice(-MAX_HEADS),
    branch: branch ?? null,
    copiedAt: before?.copiedAt ?? at,
    files: manifest.size,
    kept: kept === null ? null : { ...kept, at, files: 0, bytes: 0 },
  };
}

function isDownAndKept(record: VmRecord, before: Workspace | undefined): before is Workspace {
  return record.status === "stopped" && before?.kept?.isLatest === true;
}
