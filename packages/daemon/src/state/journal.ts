// The journal of what each VM holds on the host. A resource is written down as intended before it is made, as acquired once
// it is there, and struck out once it is gone: whatever instruction the daemon dies at, nothing is forgotten.
import type { DatabaseSync } from "node:sqlite";
import type { Space } from "./reserve.ts";

export type ResourceKind = "directory" | "network" | "process";

export interface Resource {
  readonly kind: ResourceKind;
  readonly state: "intended" | "acquired";
  /** What is needed to find it again. JSON. */
  readonly detail: unknown;
}

export class Journal {
  readonly #database: DatabaseSync;
  readonly #reserve: Space;

  constructor(database: DatabaseSync, reserve: Space) {
    this.#database = database;
    this.#reserve = reserve;
  }

  /** Writes the intent, runs `make`, writes what it answers as the acquired detail. On a full disk nothing is begun. */
  async acquire<T>(vmId: string, kind: ResourceKind, make: () => Promise<T>): Promise<T> {
    this.#reserve.spare(() => this.#put(vmId, { kind, state: "intended", detail: null }));
    const detail = await make();
    this.#reserve.spend(() => this.#put(vmId, { kind, state: "acquired", detail: detail ?? null }));
    return detail;
  }

  /** Runs `undo`, then forgets the resource. When `undo` throws it stays written down, to be tried again. */
  async release(vmId: string, kind: ResourceKind, undo: () => Promise<void>): Promise<void> {
    await undo();
    this.#reserve.spend(() => this.#database.prepare("DELETE FROM resources WHERE vm_id = ? AND kind = ?").run(vmId, kind));
  }

  of(vmId: string): ReadonlyMap<ResourceKind, Resource> {
    const rows = this.#database.prepare("SELECT kind, state, detail FROM resources WHERE vm_id = ?").all(vmId);
    return new Map(
      rows.map((row) => {
        const resource = { kind: row["kind"], state: row["state"], detail: JSON.parse(String(row["detail"])) } as Resource;
        return [resource.kind, resource];
      }),
    );
  }

  /** VMs that hold anything, also those without a record. */
  holders(): string[] {
    return this.#database
      .prepare("SELECT DISTINCT vm_id FROM resources")
      .all()
      .map((row) => String(row["vm_id"]));
  }

  #put(vmId: string, { kind, state, detail }: Resource): void {
    this.#database
      .prepare(
        `INSERT INTO resources (vm_id, kind, state, detail) VALUES (?, ?, ?, ?)
         ON CONFLICT (vm_id, kind) DO UPDATE SET state = excluded.state, detail = excluded.detail`,
      )
      .run(vmId, kind, state, JSON.stringify(detail));
  }
}
