// What each route does. The table is complete by its type: a route without a handler does not compile.
import type { Duplex, Readable } from "node:stream";
import { BangerError } from "@banger/api";
import type {
  BodyOf,
  DaemonInfo,
  DoctorReport,
  EffectiveSettings,
  EffectiveSpec,
  Image,
  ParamsOf,
  PortMapping,
  ProgressSink,
  QueryOf,
  ResultOf,
  Route,
  Routes,
  Vm,
} from "@banger/api";
import type { ImageService } from "../images/contract.ts";
import type { Operation, OperationRegistry } from "../operations/registry.ts";
import { streamLogs } from "../vms/log-stream.ts";
import type { VmService } from "../vms/service.ts";
import { openApiDocument } from "./openapi.ts";

export interface Input<R extends Route> {
  readonly params: ParamsOf<R>;
  readonly query: QueryOf<R>;
  readonly body: BodyOf<R>;
  /** The raw body of an upload. */
  readonly stream: Readable;
}

export type Handler<R extends Route> =
  | { readonly kind: "json"; readonly run: (input: Input<R>, hangUp: AbortSignal) => ResultOf<R> | Promise<ResultOf<R>> }
  | {
      readonly kind: "operation";
      readonly target: (input: Input<R>) => string | null;
      /** Goes on to its end although the caller hangs up. */
      readonly finishes?: boolean;
      readonly run: (input: Input<R>, operation: Operation) => Promise<ResultOf<R>>;
    }
  | { readonly kind: "events"; readonly run: (input: Input<R>, hangUp: AbortSignal, onEvent: ProgressSink) => Promise<ResultOf<R>> }
  | { readonly kind: "bytes"; readonly run: (input: Input<R>, hangUp: AbortSignal) => Promise<Readable> }
  | { readonly kind: "upgrade"; readonly carries: "frames" | "bytes"; readonly run: (input: Input<R>) => Promise<Duplex> };

type Named<Prefix extends string> = { readonly [K in keyof Routes as K extends `${Prefix}${string}` ? K : never]: Handler<Routes[K]> };

export type Handlers = { readonly [K in keyof Routes]: Handler<Routes[K]> };

export interface HandlerDeps {
  readonly vms: VmService;
  readonly images: ImageService;
  readonly operations: OperationRegistry;
  readonly info: () => DaemonInfo;
  readonly stop: () => void;
  readonly defaults: () => Promise<EffectiveSpec>;
  readonly settings: () => Promise<EffectiveSettings>;
  readonly doctor: (operation: Operation) => Promise<DoctorReport>;
  /** Refuses what takes the user who runs root's VMs. Throws `host.no_vm_user`, `state.not_writable`. */
  readonly checkVmUser: () => Promise<void>;
  /** CPUs that this process may use. */
  readonly hostCpus: () => number;
}

export function handlersOf(deps: HandlerDeps): Handlers {
  const { operations, info, stop, defaults, settings, doctor } = deps;
  return {
    ping: { kind: "json", run: info },
    openapi: { kind: "json", run: openApiDocument },
    daemonStop: {
      kind: "json",
      run: () => {
        stop();
        return {};
      },
    },

    ...vmHandlers(deps),
    ...workspaceHandlers(deps),
    ...imageHandlers(deps),
    operationList: { kind: "json", run: () => operations.list() },
    operationFollow: { kind: "events", run: ({ params }, hangUp, onEvent) => operations.follow(params.id, onEvent, hangUp) },
    defaults: { kind: "json", run: defaults },
    settings: { kind: "json", run: settings },
    doctor: { kind: "operation", target: () => null, run: (_, operation) => doctor(operation) },
  };
}

const named = (input: { readonly params: { readonly name: string } }) => input.params.name;

function vmHandlers(deps: HandlerDeps): Named<"vm"> & Named<"exec"> {
  const { vms } = deps;
  return {
    ...guestHandlers(deps),
    ...bootHandlers(deps),
    vmList: { kind: "json", run: () => vms.list() },
    vmShow: { kind: "json", run: ({ params }) => vms.show(params.name) },
    vmStop: { kind: "operation", finishes: true, target: named, run: ({ params }, operation) => vms.stop(params.name, operation) },
    vmDelete: {
      kind: "operation",
      finishes: true,
      target: named,
      run: async ({ params, query }, operation) => ({
        kept: await vms.delete(params.name, operation, { discardsChanges: query.discardChanges === "true" }),
      }),
    },
    vmKill: { kind: "json", run: ({ params, body }) => vms.kill(params.name, body.signal) },
    vmWait: {
      kind: "operation",
      target: named,
      run: async ({ params, query }, operation) => {
        await vms.show(params.name);
        const level = query.level ?? "basic";
        return operation.stage(level, () => vms.waitFor(params.name, level, operation.signal));
      },
    },
    vmLogs: {
      kind: "bytes",
      run: ({ params, query }, hangUp) =>
        Promise.resolve(
          streamLogs({ directory: vms.logDirectory(params.name), source: query.source, follow: query.follow === "true", signal: hangUp }),
        ),
    },
    vmLease: {
      kind: "events",
      run: async ({ params }, hangUp) => {
        await vms.holdLease(params.name, hangUp);
        return {};
      },
    },
    vmLeaseRelease: { kind: "json", run: ({ params }) => vms.releaseLease(params.name) },
    vmForward: { kind: "json", run: ({ params, body }) => vms.forward(params.name, body) },
    vmUnforward: {
      kind: "json",
      run: async ({ params, query }) => {
        requirePublished(await vms.show(params.name), query);
        return vms.unforward(params.name, query);
      },
    },
  };
}

/** Throws `network.not_published`. */
function requirePublished({ name, forwards }: Vm, { hostAddress, hostPort }: Pick<PortMapping, "hostAddress" | "hostPort">): void {
  if (forwards.some((each) => each.hostAddress === hostAddress && each.hostPort === hostPort)) return;
  throw new BangerError("network.not_published", `${name} publishes nothing at ${hostAddress}:${hostPort}`, {
    hint: `banger vm forward ${name}`,
  });
}

/** More than there are is legal, and rarely what is meant. */
function warnOfCpus(vcpu: number | undefined, cpus: number, operation: Operation): void {
  if (vcpu === undefined || vcpu <= cpus) return;
  const has = cpus === 1 ? "has one" : `has ${cpus}`;
  operation.warn("host.few_cpus", `${vcpu} virtual CPUs on a host that ${has}: they take turns`);
}

/** What makes VMMs. */
function bootHandlers({ vms, checkVmUser, hostCpus }: HandlerDeps) {
  return {
    vmCreate: {
      kind: "operation",
      target: ({ body }) => body.name ?? null,
      run: async ({ body }, operation) => {
        await checkVmUser();
        warnOfCpus(body.spec?.vcpu, hostCpus(), operation);
        return vms.create(body, operation);
      },
    },
    vmStart: {
      kind: "operation",
      target: named,
      run: async ({ params, query }, operation) => {
        await checkVmUser();
        return vms.start(params.name, query.wait, operation);
      },
    },
    vmRestart: {
      kind: "operation",
      target: named,
      run: async ({ params, query }, operation) => {
        await checkVmUser();
        return vms.restart(params.name, query.wait, operation);
      },
    },
  } satisfies Partial<Handlers>;
}

/** What goes to the guest itself. */
function guestHandlers({ vms }: HandlerDeps) {
  return {
    vmPing: {
      kind: "json",
      run: async ({ params }, hangUp) => {
        await vms.guests.ping(params.name, hangUp);
        return {};
      },
    },
    vmExec: { kind: "json", run: ({ params, body }, hangUp) => vms.guests.prepareExec(params.name, body, hangUp) },
    execAttach: { kind: "upgrade", carries: "frames", run: ({ params }) => vms.guests.attach(params.id) },
    vmDial: {
      kind: "upgrade",
      carries: "bytes",
      run: ({ params, query }) => vms.guests.dial(params.name, query.network ?? "tcp", query.address),
    },
    vmFilesPut: { kind: "json", run: ({ params, query, stream }) => vms.guests.putFiles(params.name, query, stream) },
    vmFilesRemove: { kind: "json", run: ({ params, body }) => vms.guests.removeFiles(params.name, body) },
    vmFilesStat: { kind: "json", run: ({ params, query }) => vms.guests.statFile(params.name, query.path) },
    vmFilesSelect: { kind: "bytes", run: ({ params, body }) => vms.guests.selectFiles(params.name, body) },
    vmTree: { kind: "bytes", run: ({ params, query }) => vms.guests.tree(params.name, query) },
    vmTreeIds: { kind: "bytes", run: ({ params, body }) => vms.guests.treeIds(params.name, body) },
    vmFilesGet: { kind: "bytes", run: ({ params, query }) => vms.guests.getFiles(params.name, query.path) },
  } satisfies Partial<Handlers>;
}

function workspaceHandlers({ vms }: HandlerDeps): Named<"workspace"> & Named<"kept"> {
  return {
    workspacePut: { kind: "json", run: ({ params, query, stream }) => vms.workspaces.put(params.name, query, stream) },
    workspaceFiles: { kind: "bytes", run: ({ params, query }) => vms.workspaces.known(params.name, query.path) },
    keptList: { kind: "json", run: () => vms.workspaces.kept() },
    keptChanges: { kind: "bytes", run: ({ params, query }) => vms.workspaces.open(params.id, query.path) },
    keptDelete: {
      kind: "json",
      run: async ({ params }) => {
        await vms.workspaces.discard(params.id);
        return {};
      },
    },
  };
}

function imageHandlers({ vms, images, checkVmUser }: HandlerDeps): Named<"image"> {
  const withUsers = (image: Image): Image => ({ ...image, usedBy: image.digest === null ? [] : vms.usersOf(image.digest) });
  return {
    imageList: { kind: "json", run: async () => (await images.list()).map(withUsers) },
    imageShow: { kind: "json", run: async ({ params }) => withUsers(await images.show(params.name)) },
    imagePull: {
      kind: "operation",
      target: named,
      run: async ({ params, query }, { signal, progress }) => {
        await checkVmUser();
        await images.pull(params.name, { signal, progress, force: query.force === "true" });
        return withUsers(await images.show(params.name));
      },
    },
    imageDelete: {
      kind: "json",
      run: async ({ params }) => {
        await images.delete(params.name, (digest) => vms.usersOf(digest));
        return {};
      },
    },
  };
}
