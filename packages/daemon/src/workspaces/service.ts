// What the daemon keeps of workspaces on disk. While a VM is there, below its own directory:
//   vms/ID/workspaces/KEY/manifest-TREE   what the guest holds as far as is known
//   vms/ID/workspaces/KEY/changes.tar     what had changed when it last went down
// and once it is gone, until somebody prunes it:
//   kept/ID/record.json, kept/ID/KEY.tar
// KEY stands for the directory in the guest.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { BangerError, type KeptVm, type Workspace } from "@banger/api";
import type { Manifest } from "@banger/api/guest-manifest";
import { keptVm } from "@banger/api/validation";
import { publish, removeTree, writeFileAtomic } from "@banger/host";
import { hasComeBack } from "./came-back.ts";
import { keepingStamps } from "./compare.ts";
import { readManifest, writeManifest } from "./manifest.ts";
import { stampedManifest, TAKE_BOUNDS, takeChanges, takeRefs, type Taken, type TellingGuest } from "./take-changes.ts";

export type { TellingGuest } from "./take-changes.ts";

export interface WorkspaceFilesDeps {
  /** Directory of all VMs' directories. */
  readonly vmsDir: string;
  /** Directory of what is left of VMs that are gone. */
  readonly keptDir: string;
  readonly now: () => Date;
  readonly log: (fields: Readonly<Record<string, unknown>>, message: string) => void;
}

export interface AskedGuest {
  readonly guest: TellingGuest;
  readonly signal: AbortSignal;
}

type Place = Pick<Workspace, "guestPath" | "tree">;
type Sent = Place & Pick<Workspace, "head" | "formerHeads">;

export interface TakenWork extends Taken {
  /** Branches and stashes that are not taken. */
  readonly lonelyRefs: readonly string[];
}

export class WorkspaceFiles {
  readonly #deps: WorkspaceFilesDeps;

  constructor(deps: WorkspaceFilesDeps) {
    this.#deps = deps;
  }

  /** Remembers what was just sent. With the guest at hand its files are stamped, so that untouched ones need not be read later. */
  async remember(
    vmId: string,
    place: Place,
    { manifest, asked }: { readonly manifest: Manifest; readonly asked: AskedGuest | null },
  ): Promise<void> {
    await this.#write(vmId, place, asked === null ? manifest : await this.#stamped(place, { manifest, asked }));
  }

  /** Remembers that the guest's work up to `manifest` is taken: what differs from `before` has come back. */
  async advance(vmId: string, place: Place, { manifest, before }: { readonly manifest: Manifest; readonly before: string }): Promise<void> {
    const old = await readManifest(this.#manifestFile(vmId, { ...place, tree: before }));
    await this.#write(vmId, place, keepingStamps(manifest, old));
  }

  /** Whether `manifest` has all that was taken of a guest that is down. */
  async hasAll(vmId: string, before: Pick<Workspace, "guestPath" | "tree" | "kept">, manifest: Manifest): Promise<boolean> {
    const known = await readManifest(this.#manifestFile(vmId, before));
    const hasChanges = before.kept?.files !== 0;
    const tar = hasChanges ? await openFirst([this.#changesFile(vmId, before.guestPath)]) : undefined;
    return (tar !== undefined || !hasChanges) && (await hasComeBack(manifest, { before: known, tar }));
  }

  /** Removes what a former tree needed, and what had been taken relative to it. */
  async forget(vmId: string, place: Place): Promise<void> {
    const directory = this.#directory(vmId, place.guestPath);
    const current = this.#manifestFile(vmId, place);
    for (const name of await readdir(directory)) if (join(directory, name) !== current) await rm(join(directory, name));
  }

  /** Takes what changed out of the guest. Throws what `takeChanges` throws. */
  async take(vmId: string, place: Sent, { guest, signal }: AskedGuest): Promise<TakenWork> {
    const manifest = await readManifest(this.#manifestFile(vmId, place));
    const file = this.#changesFile(vmId, place.guestPath);
    const { guestPath, head, formerHeads = [] } = place;
    const taken = await takeChanges({ guest, guestPath, manifest, file, bounds: TAKE_BOUNDS, signal });
    return { ...taken, lonelyRefs: await takeRefs({ guest, guestPath, signal }, head === null ? formerHeads : [...formerHeads, head]) };
  }

  /** Moves what was taken to where it outlives the VM. Can be repeated. */
  async retire({ id, name, workspaces }: Pick<KeptVm, "id" | "name" | "workspaces">): Promise<void> {
    const home = join(this.#deps.keptDir, id);
    const moved: Workspace[] = [];
    for (const workspace of workspaces) {
      if (workspace.kept === null || workspace.kept.files === 0) continue;
      await mkdir(home, { recursive: true, mode: 0o700 });
      const target = join(home, `${keyOf(workspace.guestPath)}.tar`);
      if (await isMoved(this.#changesFile(id, workspace.guestPath), target)) moved.push(workspace);
    }
    if (moved.length === 0) return;
    const record: KeptVm = { id, name, deletedAt: this.#deps.now().toISOString(), workspaces: moved };
    await writeFileAtomic(join(home, "record.json"), `${JSON.stringify(record, null, 2)}\n`);
  }

  /** What is left of VMs that are gone, the latest first. */
  async kept(): Promise<KeptVm[]> {
    const names = await readdir(this.#deps.keptDir).catch(nothingThere);
    const found = await Promise.all(names.map((name) => this.keptOf(name)));
    return found.filter((record) => record !== undefined).toSorted((one, other) => (one.deletedAt < other.deletedAt ? 1 : -1));
  }

  async keptOf(vmId: string): Promise<KeptVm | undefined> {
    const file = join(this.#deps.keptDir, checkedId(vmId), "record.json");
    try {
      return keptVm.parse(JSON.parse(await readFile(file, "utf8")));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT")
        this.#deps.log({ file, error: String(error) }, "a record of kept changes cannot be read");
      return undefined;
    }
  }

  /** What was taken of a workspace: of a VM that is there, or of one that is gone. Throws `workspace.not_found`. */
  async open(vmId: string, guestPath: string): Promise<Readable> {
    const here = this.#changesFile(checkedId(vmId), guestPath);
    const gone = join(this.#deps.keptDir, vmId, `${keyOf(guestPath)}.tar`);
    const stream = await openFirst([here, gone]);
    if (stream !== undefined) return stream;
    throw new BangerError("workspace.not_found", `nothing is kept of ${guestPath} of ${vmId}`, { hint: "banger vm workspace list" });
  }

  /** What the guest is known to hold, as it is on disk. Throws `workspace.not_found`. */
  async openManifest(vmId: string, place: Place): Promise<Readable> {
    const stream = await openFirst([this.#manifestFile(vmId, place)]);
    if (stream !== undefined) return stream;
    throw new BangerError("workspace.not_found", `nothing is known of ${place.guestPath} of ${vmId}`, { hint: "banger vm workspace list" });
  }

  /** Throws away what is kept of a VM that is gone. Throws `workspace.not_found`. */
  async discard(vmId: string): Promise<void> {
    if (!(await readdir(this.#deps.keptDir).catch(nothingThere)).includes(checkedId(vmId)))
      throw new BangerError("workspace.not_found", `nothing is kept of ${vmId}`, { hint: "banger vm workspace list" });
    await removeTree(join(this.#deps.keptDir, vmId), this.#deps.keptDir);
  }

  /** Without stamps, where the guest does not tell: then all is read once it goes down. */
  async #stamped(
    { guestPath }: Place,
    { manifest, asked }: { readonly manifest: Manifest; readonly asked: AskedGuest },
  ): Promise<Manifest> {
    try {
      return await stampedManifest({ ...asked, manifest, guestPath, bounds: TAKE_BOUNDS });
    } catch (error) {
      this.#deps.log({ guestPath, error: String(error) }, "the files of a workspace could not be stamped");
      return manifest;
    }
  }

  async #write(vmId: string, place: Place, manifest: Manifest): Promise<void> {
    await mkdir(this.#directory(vmId, place.guestPath), { recursive: true, mode: 0o700 });
    await writeManifest(this.#manifestFile(vmId, place), manifest);
  }

  #directory(vmId: string, guestPath: string): string {
    return join(this.#deps.vmsDir, vmId, "workspaces", keyOf(guestPath));
  }

  #manifestFile(vmId: string, { guestPath, tree }: Place): string {
    return join(this.#directory(vmId, guestPath), `manifest-${tree}`);
  }

  #changesFile(vmId: string, guestPath: string): string {
    return join(this.#directory(vmId, guestPath), "changes.tar");
  }
}

/** Undefined when none of the files is there. */
async function openFirst(files: readonly string[]): Promise<Readable | undefined> {
  for (const file of files) {
    const stream = createReadStream(file);
    try {
      await once(stream, "open");
      return stream;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  return undefined;
}

/** A directory of the guest as a name of ours. */
function keyOf(guestPath: string): string {
  return createHash("sha256").update(guestPath).digest("hex").slice(0, 16);
}

function checkedId(vmId: string): string {
  if (/^[0-9a-f]{16}$/.test(vmId)) return vmId;
  throw new BangerError("workspace.not_found", `${JSON.stringify(vmId)} is no VM's id`, { hint: "banger vm workspace list" });
}

/** Whether it is at the target now, moved just now or before. */
async function isMoved(from: string, to: string): Promise<boolean> {
  try {
    await publish(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return await open(to, "r").then(
      async (file) => {
        await file.close();
        return true;
      },
      () => false,
    );
  }
}

function nothingThere(error: NodeJS.ErrnoException): string[] {
  if (error.code === "ENOENT") return [];
  throw error;
}
