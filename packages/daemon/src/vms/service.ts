// VMs as the API offers them. Long work runs as operations that were made by the caller; this file is the table of contents.
import { isDeepStrictEqual } from "node:util";
import { BangerError, type CreateVmBody, type KeptVm, type PortMapping, type ReadinessLevel, type Vm } from "@banger/api";
import type { Operation } from "../operations/registry.ts";
import type { VmRecord } from "../state/vm-record.ts";
import { awaitReady } from "./await-ready.ts";
import { createVm, discardUnlessTelling, type CreateDeps } from "./create.ts";
import { GuestAccess } from "./guest-access.ts";
import { Leases } from "./leases.ts";
import { Lifecycle, type BackgroundRun } from "./lifecycle.ts";
import { reconcile } from "./reconcile.ts";
import { viewOf } from "./view.ts";
import { vmDir } from "./vm-directory.ts";
import { VmWorkspaces } from "./vm-workspaces.ts";

const SIGNALS = ["SIGTERM", "SIGKILL", "SIGINT", "SIGSTOP", "SIGCONT", "SIGHUP", "SIGQUIT"] as const;

export class VmService {
  readonly guests: GuestAccess;
  readonly workspaces: VmWorkspaces;
  readonly #deps: CreateDeps;
  readonly #lifecycle: Lifecycle;
  readonly #leases: Leases;

  constructor(deps: CreateDeps, background: BackgroundRun) {
    this.#deps = deps;
    this.#lifecycle = new Lifecycle(deps, (kind, target, work) => background(kind, target, work).finally(() => this.#releaseHost()));
    this.#leases = new Leases({
      expire: (vmId) => {
        const name = deps.records.find(vmId)?.name ?? vmId;
        void background("lease.expired", name, (operation) => this.#lifecycle.remove(vmId, operation))
          .catch(() => this.#stays(vmId))
          .then(() => this.#releaseHost());
      },
    });
    this.workspaces = new VmWorkspaces(deps, this.#lifecycle);
    this.guests = new GuestAccess(deps.records, this.#lifecycle.supervisors, (name, level, signal) => this.waitFor(name, level, signal));
  }

  get running(): number {
    return this.#lifecycle.supervisors.size;
  }

  get count(): number {
    return this.#deps.records.list().length;
  }

  async reconcile(operation: Operation): Promise<void> {
    await reconcile(this.#deps, this.#lifecycle, operation);
    for (const record of this.#deps.records.list()) {
      if (record.leased) this.#leases.expect(record.id);
    }
    this.#deps.network.onLost((vmIds) => {
      for (const vmId of vmIds) {
        if (this.#deps.records.find(vmId)?.status === "running") this.#deps.records.update(vmId, { networkLost: true });
      }
    });
    await this.#releaseHost();
  }

  list(): Promise<Vm[]> {
    return Promise.all(this.#deps.records.list().map((record) => this.#view(record)));
  }

  show(name: string): Promise<Vm> {
    return this.#view(this.#deps.records.byName(name));
  }

  /** Creates and, unless told otherwise, boots; what fails before the guest was reached leaves nothing. */
  async create(body: CreateVmBody, operation: Operation): Promise<Vm> {
    const record = await this.#releasingOnFailure(createVm({ deps: this.#deps, lifecycle: this.#lifecycle, body, operation }));
    try {
      if (body.start !== false) await this.#awaitReady(record.id, body.wait ?? "agent", operation);
    } catch (error) {
      await discardUnlessTelling(this.#deps, this.#lifecycle, { record, error, operation });
      await this.#releaseHost();
      throw error;
    }
    if (body.lease === true) this.#leases.expect(record.id);
    return this.show(record.name);
  }

  async start(name: string, wait: ReadinessLevel | undefined, operation: Operation): Promise<Vm> {
    const { id } = this.#made(name);
    await this.#releasingOnFailure(this.#lifecycle.start(id, operation));
    await this.#awaitReady(id, wait ?? "agent", operation);
    return this.show(name);
  }

  async stop(name: string, operation: Operation): Promise<Vm> {
    await this.#lifecycle.stop(this.#made(name).id, operation);
    await this.#releaseHost();
    return this.show(name);
  }

  async restart(name: string, wait: ReadinessLevel | undefined, operation: Operation): Promise<Vm> {
    await this.#lifecycle.stop(this.#made(name).id, operation, "down");
    return this.start(name, wait, operation);
  }

  /** Answers what is kept of it. Throws `workspace.not_kept`, and the VM is an ordinary one. */
  async delete(name: string, operation: Operation, options: { readonly discardsChanges?: boolean } = {}): Promise<KeptVm | null> {
    const { id } = this.#deps.records.byName(name);
    this.#leases.release(id);
    try {
      await this.#lifecycle.remove(id, { ...operation, signal: new AbortController().signal }, options);
    } catch (error) {
      this.#stays(id);
      throw error;
    }
    await this.#releaseHost();
    return (await this.#deps.workspaces.keptOf(id)) ?? null;
  }

  async kill(name: string, signal: string | undefined): Promise<Vm> {
    const wanted = (signal ?? "KILL").toUpperCase().replace(/^(SIG)?/, "SIG");
    const known = SIGNALS.find((each) => each === wanted);
    if (known === undefined)
      throw new BangerError("vm.bad_spec", `${JSON.stringify(signal)} is not a signal banger sends`, {
        hint: `one of ${SIGNALS.map((each) => each.slice(3)).join(", ")}`,
      });
    const record = this.#deps.records.byName(name);
    // One that is being stopped too: it may take too long.
    if (this.#lifecycle.supervisors.find(record.id) === undefined) throw notRunning(record);
    await this.#lifecycle.kill(record.id, known);
    return this.show(name);
  }

  /** Waits for a start under way, too. Throws `vm.not_running`; `guest.not_ready` at the deadline, or when the VM ends first. */
  async waitFor(name: string, level: ReadinessLevel, signal: AbortSignal): Promise<Vm> {
    const { id, status } = this.#deps.records.byName(name);
    if (status === "starting" || status === "creating") await this.#lifecycle.settled(id, signal);
    const record = this.#deps.records.byName(name);
    if (record.status !== "running") throw notRunning(record);
    await this.#ready(record.id, level, signal);
    return this.show(name);
  }

  async holdLease(name: string, hangUp: AbortSignal): Promise<void> {
    const record = this.#deps.records.byName(name);
    if (record.leased) await this.#leases.hold(record.id, hangUp);
  }

  releaseLease(name: string): Promise<Vm> {
    const record = this.#deps.records.byName(name);
    this.#leases.release(record.id);
    this.#deps.records.update(record.id, { leased: false });
    return this.show(name);
  }

  /** Publishes a port and answers it as it was made; of a stopped VM it is noted for its next start. */
  forward(name: string, mapping: PortMapping): Promise<PortMapping> {
    const { records, ports } = this.#deps;
    const { id } = records.byName(name);
    // One that is booting opens what it found noted at first.
    return this.#lifecycle.exclusively(id, async () => {
      const [made = mapping] = records.get(id).status === "running" ? await ports.open(id, [mapping]) : [];
      const { forwards } = records.get(id);
      if (made.hostPort === 0 || !forwards.some((each) => isDeepStrictEqual(each, made)))
        records.update(id, { forwards: [...forwards, made] });
      return made;
    });
  }

  async unforward(name: string, which: Pick<PortMapping, "hostAddress" | "hostPort">): Promise<Vm> {
    const { records, ports } = this.#deps;
    const { id } = records.byName(name);
    await this.#lifecycle.exclusively(id, async () => {
      await ports.close(id, which);
      const { forwards } = records.get(id);
      const kept = forwards.filter((each) => each.hostAddress !== which.hostAddress || each.hostPort !== which.hostPort);
      records.update(id, { forwards: kept });
    });
    return this.show(name);
  }

  /** The directory that holds the VM's logs. */
  logDirectory(name: string): string {
    return vmDir(this.#deps, this.#deps.records.byName(name).id);
  }

  usersOf(imageDigest: string): string[] {
    return this.#deps.records
      .list()
      .filter((record) => record.imageDigest === imageDigest)
      .map((record) => record.name);
  }

  /** Lets go of all VMs; they run on. */
  close(): void {
    this.#lifecycle.supervisors.stopAll();
  }

  /** Throws `vm.busy` for one that its creation has not let go of: it may wait for an image still. */
  #made(name: string): VmRecord {
    const record = this.#deps.records.byName(name);
    if (record.status !== "creating") return record;
    throw new BangerError("vm.busy", `${name} is still being made`, { hint: `wait for it, or: banger vm delete ${name}` });
  }

  /** A VM that could not be deleted is nobody's lease any more. */
  #stays(vmId: string): void {
    if (this.#lifecycle.supervisors.hasLeft) return;
    if (this.#deps.records.find(vmId) !== undefined) this.#deps.records.update(vmId, { leased: false });
  }

  /** As `#ready`, told as a stage. A VM that was started has its agent. */
  async #awaitReady(vmId: string, level: ReadinessLevel, operation: Operation): Promise<void> {
    const wait = () => this.#ready(vmId, level, operation.signal);
    await (level === "agent" ? wait() : operation.stage(level, wait));
  }

  #ready(vmId: string, level: ReadinessLevel, signal: AbortSignal): Promise<void> {
    return awaitReady(this.#deps, this.#lifecycle, { vmId, level, signal });
  }

  #view(record: VmRecord): Promise<Vm> {
    return viewOf(this.#deps, this.#lifecycle.supervisors, record);
  }

  async #releasingOnFailure<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      await this.#releaseHost();
      throw error;
    }
  }

  /** Ends what all VMs share on the host if none uses it any more. */
  async #releaseHost(): Promise<void> {
    await this.#deps.network.release();
  }
}

function notRunning(record: VmRecord): BangerError {
  return new BangerError("vm.not_running", `${record.name} is not running (${record.status})`, { hint: `banger vm start ${record.name}` });
}
