// Making a VM: everything is checked before anything is made, and what fails is undone.
import { humanId } from "human-id";
import { BangerError, isVmName, parseVmName, type CreateVmBody, type EffectiveSpec, type Image, type VmName } from "@banger/api";
import type { Config, HostResources, ResolveSpec } from "../config/contract.ts";
import { withNameSource } from "../config/image-name.ts";
import type { ReadyImage } from "../images/contract.ts";
import type { Operation } from "../operations/registry.ts";
import type { VmRecord } from "../state/vm-record.ts";
import type { DriverChoice } from "../vmm/accelerator.ts";
import type { VmDeps } from "./deps.ts";
import type { Lifecycle } from "./lifecycle.ts";

export interface CreateDeps extends VmDeps {
  /** The config file as it is now. Throws `config.invalid`. */
  readonly config: () => Promise<Config>;
  readonly hostResources: () => Promise<HostResources>;
  readonly resolveSpec: ResolveSpec;
  /** Throws when the subnet is exhausted. */
  readonly nextAddress: (used: ReadonlySet<string>) => string;
}

export interface Creation {
  readonly deps: CreateDeps;
  readonly lifecycle: Lifecycle;
  readonly body: CreateVmBody;
  readonly operation: Operation;
}

/** Answers the record of the new VM, booted unless `start` is false. Undone on failure or abort, unless the guest's failure is worth a look. */
export async function createVm({ deps, lifecycle, body, operation }: Creation): Promise<VmRecord> {
  const spec = deps.resolveSpec({ ...body.spec, image: body.image }, await deps.config(), await deps.hostResources());
  await deps.fileSync.look();
  if (body.needsNetwork === true) await requireNetwork(deps);
  await deps.requireRoom();
  const choice = await deps.chooseDriver({ driver: body.driver ?? null, vcpu: spec.vcpu.value }, operation);
  const known = await withNameSource(spec.image, deps.images.show(spec.image.value));
  const record = deps.records.insert((used) => newRecord({ deps, body, spec, choice, used }));
  try {
    const image = await imageFor(deps, known, operation);
    deps.records.update(record.id, { imageDigest: image.digest });
    if (known.outdated) warnOfAge(known.name, operation);
    await announce(deps, { record, spec, operation });
    if (body.start === false) {
      await lifecycle.reach("stopped", record.id, operation);
      deps.records.update(record.id, { status: "stopped", stopReason: { code: "never_started" } });
    } else await lifecycle.start(record.id, operation);
  } catch (error) {
    await discardUnlessTelling(deps, lifecycle, { record, error, operation });
    throw error;
  }
  return deps.records.get(record.id);
}

async function requireNetwork({ network }: CreateDeps): Promise<void> {
  const found = await network.availability("quick");
  if (!found.available)
    throw new BangerError("network.no_egress", `this host has no network to give: ${found.message}`, { hint: found.hint });
}

interface Announced {
  readonly record: VmRecord;
  readonly spec: EffectiveSpec;
  readonly operation: Operation;
}

/** What is about to be booted and on what: only now that an image is here can KVM have been tried. */
async function announce(deps: CreateDeps, { record, spec, operation }: Announced): Promise<void> {
  const { driver, accelerator, slowBecause } = await deps.chooseDriver({ driver: record.wantedDriver, vcpu: record.vcpu }, operation);
  operation.progress({ type: "spec", name: record.name, spec, driver, accelerator });
  if (slowBecause === undefined) return;
  const shared = record.vcpu > 1 ? ", all CPUs on one of the host's" : "";
  operation.warn("host.slow_accelerator", `No usable KVM: running under emulation, about 10x slower${shared}`, "banger doctor tells why");
}

export interface FailedVm {
  readonly record: VmRecord;
  readonly error: unknown;
  readonly operation: Operation;
}

/** A VM whose guest was booted but did not get ready is kept, so that its logs can tell why; any other failure leaves nothing. */
export async function discardUnlessTelling(deps: CreateDeps, lifecycle: Lifecycle, { record, error, operation }: FailedVm): Promise<void> {
  const isTelling = error instanceof BangerError && (error.code === "guest.not_ready" || error.code === "guest.configure_failed");
  if (isTelling) return void deps.records.update(record.id, { leased: false });
  try {
    await lifecycle.remove(record.id, { ...operation, signal: new AbortController().signal });
  } catch (undoing) {
    // The failure itself is told; the VM is shown, and its deletion can be tried again.
    deps.log({ vm: record.id, error: String(undoing) }, "what is left of a VM that could not be made was not removed");
  }
}

async function imageFor(deps: CreateDeps, { name, origin }: Image, operation: Operation): Promise<ReadyImage> {
  const here = await deps.images.find(name);
  if (here !== undefined) return here;
  operation.progress({ type: "image.missing", image: name, origin });
  return deps.images.pull(name, { signal: operation.signal, progress: operation.progress });
}

/** A build takes minutes, which nobody expects of a VM whose image is here. */
function warnOfAge(name: string, operation: Operation): void {
  operation.warn("image.outdated", `image ${name} is older than its recipe, and used as it is`, `banger image pull ${name} builds it anew`);
}

interface NewRecordInputs {
  readonly deps: CreateDeps;
  readonly body: CreateVmBody;
  readonly spec: EffectiveSpec;
  readonly choice: DriverChoice;
  readonly used: ReadonlySet<string>;
}

function newRecord({ deps, body, spec, choice, used }: NewRecordInputs): VmRecord {
  return {
    id: deps.randomHex(8),
    name: body.name === undefined ? freshName(deps) : parseVmName(body.name),
    status: "creating",
    stopReason: null,
    image: spec.image.value,
    imageDigest: "",
    vcpu: spec.vcpu.value,
    memoryMib: spec.memoryMib.value,
    diskBytes: spec.diskBytes.value,
    egress: body.egress ?? "full",
    wantedDriver: body.driver ?? null,
    driver: choice.driver,
    accelerator: choice.accelerator,
    address: deps.nextAddress(used),
    forwards: body.publish ?? [],
    authorizedKeys: body.authorizedKeys ?? [],
    gitIdentity: body.gitIdentity ?? null,
    sshHostKey: "",
    leased: body.lease ?? false,
    networkLost: false,
    bootId: null,
    consoleStart: 0,
    createdAt: deps.now().toISOString(),
    startedAt: null,
    reboots: [],
    unreadyReboots: 0,
    workspaces: [],
  };
}

/** A readable name that no VM has. */
function freshName(deps: CreateDeps): VmName {
  const taken = new Set<string>(deps.records.list().map((record) => record.name));
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const name = humanId({ separator: "-", capitalize: false, adjectiveCount: 1, addAdverb: false }).split("-").slice(0, 2).join("-");
    if (isVmName(name) && !taken.has(name)) return name;
  }
  return parseVmName(`vm-${deps.randomHex(4)}`);
}
