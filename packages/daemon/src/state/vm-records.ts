// The table of VMs. Names and addresses are unique by the schema, so two creates cannot both win. What is known of a VM that is
// there is written down also on a full disk; a new one is not.
import type { DatabaseSync } from "node:sqlite";
import { BangerError } from "@banger/api";
import { nearest } from "../config/nearest.ts";
import { transaction } from "./database.ts";
import type { Space } from "./reserve.ts";
import { vmRecord, type VmRecord } from "./vm-record.ts";

export class VmRecords {
  readonly #database: DatabaseSync;
  readonly #reserve: Space;

  constructor(database: DatabaseSync, reserve: Space) {
    this.#database = database;
    this.#reserve = reserve;
  }

  /** All VMs, oldest first. */
  list(): VmRecord[] {
    return this.#database.prepare("SELECT record FROM vms ORDER BY rowid").all().map(parseRow);
  }

  find(id: string): VmRecord | undefined {
    const row = this.#database.prepare("SELECT record FROM vms WHERE id = ?").get(id);
    return row === undefined ? undefined : parseRow(row);
  }

  /** Throws `vm.not_found`. */
  get(id: string): VmRecord {
    const record = this.find(id);
    if (record === undefined) throw new BangerError("vm.not_found", "the VM was deleted meanwhile");
    return record;
  }

  /** Throws `vm.not_found` with the nearest name there is. */
  byName(name: string): VmRecord {
    const row = this.#database.prepare("SELECT record FROM vms WHERE name = ?").get(name);
    if (row !== undefined) return parseRow(row);
    const names = this.#database.prepare("SELECT name FROM vms ORDER BY rowid").all();
    const near = nearest(
      name,
      names.map((each) => String(each["name"])),
    );
    const guess = near === undefined ? "" : `. Did you mean ${JSON.stringify(near)}?`;
    throw new BangerError("vm.not_found", `no VM is called ${JSON.stringify(name)}${guess}`, { hint: "banger vm list" });
  }

  /**
   * Inserts the record that `build` makes of the addresses in use. Throws `vm.name_taken`, `host.disk_full`; what
   * `build` throws leaves no row.
   */
  insert(build: (usedAddresses: ReadonlySet<string>) => VmRecord): VmRecord {
    const write = () => {
      const used = this.#database.prepare("SELECT address FROM vms WHERE address IS NOT NULL").all();
      const record = build(new Set(used.map((row) => String(row["address"]))));
      if (this.#database.prepare("SELECT 1 FROM vms WHERE name = ?").get(record.name) !== undefined) {
        throw new BangerError("vm.name_taken", `a VM called ${JSON.stringify(record.name)} is there already`, {
          hint: `banger vm show ${record.name}, or choose another --name`,
        });
      }
      this.#database
        .prepare("INSERT INTO vms (id, name, address, record) VALUES (?, ?, ?, ?)")
        .run(record.id, record.name, record.address, JSON.stringify(record));
      return record;
    };
    return this.#reserve.spare(() => transaction(this.#database, write));
  }

  /** Applies `change` to the stored record and answers the new one. */
  update(id: string, change: Partial<Omit<VmRecord, "id" | "name" | "address">>): VmRecord {
    const write = () => {
      const next = { ...this.get(id), ...change };
      this.#database.prepare("UPDATE vms SET record = ? WHERE id = ?").run(JSON.stringify(next), id);
      return next;
    };
    return this.#reserve.spend(() => transaction(this.#database, write));
  }

  remove(id: string): void {
    this.#reserve.spend(() => this.#database.prepare("DELETE FROM vms WHERE id = ?").run(id));
  }
}

function parseRow(row: Readonly<Record<string, unknown>>): VmRecord {
  return vmRecord.parse(JSON.parse(String(row["record"])));
}
