// Commands, connections and files in running guests.
import type { Duplex, Readable } from "node:stream";
import { randomUUID } from "node:crypto";
import { BangerError, type ExecBody, type FileStat, type ReadinessLevel } from "@banger/api";
import type { GuestClient, Removal, Selection } from "../guest/contract.ts";
import type { VmRecords } from "../state/vm-records.ts";
import type { Supervisors } from "./supervisors.ts";

/** A prepared command that nobody attached to is forgotten after this, in milliseconds. */
const PREPARED_MS = 60_000;

interface Prepared {
  readonly vmId: string;
  readonly spec: Omit<ExecBody, "wait">;
  readonly expiry: NodeJS.Timeout;
}

export type WaitFor = (name: string, level: ReadinessLevel, signal: AbortSignal) => Promise<unknown>;

export class GuestAccess {
  readonly #records: VmRecords;
  readonly #supervisors: Supervisors;
  readonly #waitFor: WaitFor;
  readonly #prepared = new Map<string, Prepared>();

  constructor(records: VmRecords, supervisors: Supervisors, waitFor: WaitFor) {
    this.#records = records;
    this.#supervisors = supervisors;
    this.#waitFor = waitFor;
  }

  /** Waits for the level and remembers the command; `attach` runs it. */
  async prepareExec(name: string, { wait, ...spec }: ExecBody, signal: AbortSignal): Promise<{ id: string }> {
    await this.#waitFor(name, wait ?? "basic", signal);
    const id = randomUUID();
    const expiry = setTimeout(() => this.#prepared.delete(id), PREPARED_MS);
    expiry.unref();
    this.#prepared.set(id, { vmId: this.#records.byName(name).id, spec, expiry });
    return { id };
  }

  /** Starts a prepared command; the stream carries frames. Throws `exec.not_found`. */
  async attach(id: string): Promise<Duplex> {
    const prepared = this.#prepared.get(id);
    if (prepared === undefined) throw new BangerError("exec.not_found", "no such prepared command: it ran already, or waited too long");
    clearTimeout(prepared.expiry);
    this.#prepared.delete(id);
    return this.#supervisors
      .get(prepared.vmId)
      .guest()
      .exec({ login: true, ...prepared.spec, stdin: true });
  }

  /** Throws `guest.unreachable` when the agent gives no sign of life. */
  async ping(name: string, signal: AbortSignal): Promise<void> {
    await this.#guest(name).health(signal);
  }

  dial(name: string, network: "tcp" | "unix", address: string): Promise<Duplex> {
    return this.#guest(name).dial(network, address);
  }

  /** As `dial`, by id: what a published port connects to. */
  dialById(vmId: string, address: string): Promise<Duplex> {
    return this.#supervisors.get(vmId).guest().dial("tcp", address);
  }

  putFiles(
    name: string,
    { path, owner }: { readonly path: string; readonly owner?: string | undefined },
    tar: Readable,
  ): Promise<{ readonly files: number; readonly bytes: number }> {
    return this.#guest(name).putFiles(path, tar, owner === undefined ? {} : { owner });
  }

  getFiles(name: string, path: string): Promise<Readable> {
    return this.#guest(name).getFiles(path);
  }

  statFile(name: string, path: string): Promise<FileStat> {
    return this.#guest(name).statFile(path);
  }

  selectFiles(name: string, selection: Selection): Promise<Readable> {
    return this.#guest(name).selectFiles(selection);
  }

  removeFiles(name: string, selection: Removal): Promise<{ readonly files: number }> {
    return this.#guest(name).removeFiles(selection);
  }

  tree(name: string, { path, stamps }: { readonly path: string; readonly stamps?: "true" | undefined }): Promise<Readable> {
    return this.#guest(name).tree(path, { stamps });
  }

  treeIds(name: string, selection: Selection): Promise<Readable> {
    return this.#guest(name).treeIds(selection);
  }

  #guest(name: string): GuestClient {
    const record = this.#records.byName(name);
    if (record.status !== "running") {
      throw new BangerError("vm.not_running", `${name} is not running (${record.status})`, { hint: `banger vm start ${name}` });
    }
    return this.#supervisors.get(record.id).guest();
  }
}
