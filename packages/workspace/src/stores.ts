// The workspaces of a user, one directory a VM, with what is beside them: locks, names, and directories that last as long as a
// command. What a killed banger leaves of all that is cleared away by the next copy.
import { randomBytes } from "node:crypto";
import { mkdtempDisposable, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { BangerError } from "@banger/api";
import { lockStore, tryLockStore, type StoreLock, type Waiting } from "./store-lock.ts";
import { NAMES, WorkspaceStore, type WorkspaceRecord } from "./store.ts";

/** Directory of one file a VM id, and one a scratch directory: what they are of may go while somebody waits. */
const LOCKS = ".locks";
const ID = /^[A-Za-z0-9_-]{1,64}$/;
/** A scratch directory, by its lock, and a store on its way out, by its VM. */
const LEFTOVER = /^(?:\.(scratch-[0-9a-f]{12})-|([A-Za-z0-9_-]{1,64})\.gone-)/;

export interface Scratch extends AsyncDisposable {
  readonly path: string;
}

export class WorkspaceStores {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  of(vmId: string): WorkspaceStore {
    return new WorkspaceStore(join(this.#root, checkedId(vmId)));
  }

  /** Held by whoever reads the workspace of a VM to write it, or must not see it half written. */
  async lock(vmId: string, waiting?: Waiting): Promise<StoreLock> {
    return await lockStore(this.#lockPath(checkedId(vmId)), waiting);
  }

  /** An empty directory of the caller's own, gone when it is disposed. */
  async scratch(): Promise<Scratch> {
    const name = `scratch-${randomBytes(6).toString("hex")}`;
    // Locked before it is there: nobody takes it for one that was left.
    await using resources = new AsyncDisposableStack();
    const lock = resources.use(await lockStore(this.#lockPath(name)));
    resources.defer(() => lock.forget());
    const { path } = resources.use(await mkdtempDisposable(join(this.#root, `.${name}-`)));
    const owned = resources.move();
    return { path, [Symbol.asyncDispose]: () => owned.disposeAsync() };
  }

  /** Forgets the workspace of a VM whose lock is held. */
  async forget(vmId: string, lock: StoreLock): Promise<void> {
    await this.of(vmId).remove();
    await this.#forgetNames((id) => id === vmId);
    await lock.forget();
  }

  /** Forgets workspaces that nobody needs or works on, and what killed processes left. */
  async tidy(isNeeded: (record: WorkspaceRecord) => boolean): Promise<void> {
    for (const id of await this.#entries(ID)) {
      const record = await readableRecord(this.of(id));
      if (record === undefined || isNeeded(record)) continue;
      using lock = await tryLockStore(this.#lockPath(id));
      if (lock !== undefined) await this.forget(id, lock);
    }
    for (const name of await this.#entries(LEFTOVER)) await this.#clear(name);
    const ids = new Set(await this.#entries(ID));
    await this.#forgetNames((id) => !ids.has(id));
    await this.#forgetLocks(ids);
  }

  async #clear(name: string): Promise<void> {
    const [, scratch, vmId] = LEFTOVER.exec(name) ?? [];
    using lock = await tryLockStore(this.#lockPath(scratch ?? vmId ?? name));
    if (lock === undefined) return;
    // What a scratch directory holds goes with it.
    await using grave = await this.scratch();
    await rename(join(this.#root, name), join(grave.path, "left")).catch(goneMeanwhile);
    if (scratch !== undefined) await lock.forget();
  }

  async #forgetNames(isGone: (vmId: string) => boolean): Promise<void> {
    for (const name of await readdir(join(this.#root, NAMES)).catch(() => [])) {
      const path = join(this.#root, NAMES, name);
      const text = await readFile(path, "utf8").catch(() => undefined);
      if (text !== undefined && isGone(vmIdIn(text))) await rm(path, { force: true });
    }
  }

  async #forgetLocks(ids: ReadonlySet<string>): Promise<void> {
    for (const name of await readdir(join(this.#root, LOCKS)).catch(() => [])) {
      if (ids.has(name)) continue;
      using lock = await tryLockStore(this.#lockPath(name));
      await lock?.forget();
    }
  }

  async #entries(pattern: RegExp): Promise<readonly string[]> {
    return (await readdir(this.#root).catch(() => [])).filter((name) => pattern.test(name));
  }

  #lockPath(name: string): string {
    return join(this.#root, LOCKS, name);
  }
}

function checkedId(vmId: string): string {
  if (ID.test(vmId)) return vmId;
  throw new BangerError("internal", `${JSON.stringify(vmId)} is no VM id`);
}

/** One that cannot be read is for its own VM's commands to tell of, and no reason to fail others'. */
async function readableRecord(store: WorkspaceStore): Promise<WorkspaceRecord | undefined> {
  return await store.record().catch(() => undefined);
}

function goneMeanwhile(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}

function vmIdIn(text: string): string {
  try {
    return (JSON.parse(text) as { readonly vmId: string }).vmId;
  } catch {
    // Written by another hand: of no VM that is there.
    return "";
  }
}
