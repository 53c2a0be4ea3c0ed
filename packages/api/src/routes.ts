// Every route of the API, declared once: server binding, typed client, OpenAPI and reference docs come from here.
import * as z from "zod/mini";
import type { ErrorCode } from "./errors.ts";
import {
  createVmBody,
  daemonInfo,
  doctorReport,
  effectiveSpec,
  execBody,
  image,
  operation,
  portMapping,
  readinessLevel,
  vm,
  vmName,
} from "./schemas.ts";

/**
 * How a route answers. `json`: one JSON value. `progress`: `application/x-ndjson`, progress events then one result or error.
 * `bytes`: a raw stream (`contentType`). `upgrade`: HTTP upgrade to `banger-stream`, raw bytes or frames (frames.ts).
 */
export type RouteKind = "json" | "progress" | "bytes" | "upgrade";

export interface Route {
  readonly id: string;
  readonly kind: RouteKind;
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  readonly summary: string;
  readonly params?: z.ZodMiniType;
  readonly query?: z.ZodMiniType;
  readonly body?: z.ZodMiniType;
  /** The request body is raw bytes of this type. */
  readonly bodyContentType?: string;
  readonly contentType?: string;
  readonly result: z.ZodMiniType;
  readonly errors: readonly ErrorCode[];
}

const empty = z.object({});
const byName = z.object({ name: vmName });
const byId = z.object({ id: z.string() });
const byImage = z.object({ name: z.string() });

export const routes = {
  ping: { id: "ping", kind: "json", method: "GET", path: "/v1/ping", summary: "The daemon's version and state.", result: daemonInfo, errors: [] },
  openapi: { id: "openapi", kind: "json", method: "GET", path: "/v1/openapi.json", summary: "This API as an OpenAPI 3.1 document.", result: z.record(z.string(), z.unknown()), errors: [] },
  daemonStop: { id: "daemonStop", kind: "json", method: "POST", path: "/v1/daemon/stop", summary: "Stop the daemon; VMs keep running.", result: empty, errors: [] },

  vmList: { id: "vmList", kind: "json", method: "GET", path: "/v1/vms", summary: "All VMs, oldest first.", result: z.array(vm), errors: [] },
  vmShow: { id: "vmShow", kind: "json", method: "GET", path: "/v1/vms/:name", summary: "One VM.", params: byName, result: vm, errors: ["vm.not_found"] },
  vmCreate: { id: "vmCreate", kind: "progress", method: "POST", path: "/v1/vms", summary: "Create a VM and, unless told otherwise, boot it. Hanging up undoes it.", body: createVmBody, result: vm, errors: ["vm.bad_name", "vm.bad_spec", "vm.name_taken", "image.not_found", "host.resources", "vm.start_failed", "guest.not_ready", "operation.cancelled"] },
  vmStart: { id: "vmStart", kind: "progress", method: "POST", path: "/v1/vms/:name/start", summary: "Boot a stopped VM; a running one is left as it is. Hanging up undoes it.", params: byName, query: z.object({ wait: z.optional(readinessLevel) }), result: vm, errors: ["vm.not_found", "vm.busy", "vm.start_failed", "guest.not_ready"] },
  vmStop: { id: "vmStop", kind: "progress", method: "POST", path: "/v1/vms/:name/stop", summary: "Ask the guest to power off; force it at the deadline. Finishes even when the caller hangs up.", params: byName, result: vm, errors: ["vm.not_found", "vm.busy"] },
  vmRestart: { id: "vmRestart", kind: "progress", method: "POST", path: "/v1/vms/:name/restart", summary: "Stop, then start.", params: byName, query: z.object({ wait: z.optional(readinessLevel) }), result: vm, errors: ["vm.not_found", "vm.busy", "vm.start_failed", "guest.not_ready"] },
  vmDelete: { id: "vmDelete", kind: "progress", method: "DELETE", path: "/v1/vms/:name", summary: "Stop the VM if it runs and remove everything of it.", params: byName, result: empty, errors: ["vm.not_found", "vm.busy"] },
  vmKill: { id: "vmKill", kind: "json", method: "POST", path: "/v1/vms/:name/kill", summary: "Send a signal to the VMM process; KILL unless told.", params: byName, body: z.strictObject({ signal: z.optional(z.string()) }), result: vm, errors: ["vm.not_found", "vm.not_running", "vm.bad_spec"] },
  vmWait: { id: "vmWait", kind: "progress", method: "POST", path: "/v1/vms/:name/wait", summary: "Wait until the guest has reached a readiness level.", params: byName, query: z.object({ level: z.optional(readinessLevel) }), result: vm, errors: ["vm.not_found", "vm.not_running", "guest.not_ready"] },
  vmLogs: { id: "vmLogs", kind: "bytes", method: "GET", path: "/v1/vms/:name/logs", summary: "Logs of a VM: its console, its VMM, its agent.", params: byName, query: z.object({ source: z.optional(z.enum(["console", "vmm", "agent"])), follow: z.optional(z.enum(["true", "false"])) }), contentType: "text/plain", result: z.unknown(), errors: ["vm.not_found"] },
  vmLease: { id: "vmLease", kind: "progress", method: "POST", path: "/v1/vms/:name/lease", summary: "Hold the lease of a leased VM: it is deleted when this connection closes, or kept when `release` was called.", params: byName, result: empty, errors: ["vm.not_found"] },
  vmLeaseRelease: { id: "vmLeaseRelease", kind: "json", method: "DELETE", path: "/v1/vms/:name/lease", summary: "Turn a leased VM into an ordinary one.", params: byName, result: vm, errors: ["vm.not_found"] },
  vmForward: { id: "vmForward", kind: "json", method: "POST", path: "/v1/vms/:name/forwards", summary: "Publish a guest port on the host.", params: byName, body: portMapping, result: vm, errors: ["vm.not_found", "network.port_in_use", "vm.bad_spec"] },
  vmUnforward: { id: "vmUnforward", kind: "json", method: "DELETE", path: "/v1/vms/:name/forwards", summary: "Stop publishing a host port.", params: byName, query: z.object({ hostAddress: z.string(), hostPort: z.coerce.number() }), result: vm, errors: ["vm.not_found"] },
  vmExec: { id: "vmExec", kind: "json", method: "POST", path: "/v1/vms/:name/exec", summary: "Prepare a command; attach to run it.", params: byName, body: execBody, result: z.object({ id: z.string() }), errors: ["vm.not_found", "vm.not_running", "guest.not_ready"] },
  execAttach: { id: "execAttach", kind: "upgrade", method: "GET", path: "/v1/exec/:id/attach", summary: "Run the prepared command; frames both ways, an exit control frame last. Hanging up ends the command.", params: byId, result: empty, errors: ["exec.not_found", "guest.unreachable"] },
  vmDial: { id: "vmDial", kind: "upgrade", method: "GET", path: "/v1/vms/:name/dial", summary: "A raw connection to an address inside the guest, half-close kept.", params: byName, query: z.object({ network: z.optional(z.enum(["tcp", "unix"])), address: z.string() }), result: empty, errors: ["vm.not_found", "vm.not_running", "guest.unreachable"] },
  vmFilesPut: { id: "vmFilesPut", kind: "json", method: "PUT", path: "/v1/vms/:name/files", summary: "Extract a tar below a directory of the guest.", params: byName, query: z.object({ path: z.string(), owner: z.optional(z.string()) }), bodyContentType: "application/x-tar", result: z.object({ files: z.int(), bytes: z.int() }), errors: ["vm.not_found", "vm.not_running"] },
  vmFilesGet: { id: "vmFilesGet", kind: "bytes", method: "GET", path: "/v1/vms/:name/files", summary: "A file or tree of the guest as a tar.", params: byName, query: z.object({ path: z.string() }), contentType: "application/x-tar", result: z.unknown(), errors: ["vm.not_found", "vm.not_running"] },

  imageList: { id: "imageList", kind: "json", method: "GET", path: "/v1/images", summary: "Images that are here and those the catalog offers.", result: z.array(image), errors: [] },
  imageShow: { id: "imageShow", kind: "json", method: "GET", path: "/v1/images/:name", summary: "One image.", params: byImage, result: image, errors: ["image.not_found"] },
  imagePull: { id: "imagePull", kind: "progress", method: "POST", path: "/v1/images/:name/pull", summary: "Download or build an image; two at once share the work.", params: byImage, query: z.object({ force: z.optional(z.enum(["true", "false"])) }), result: image, errors: ["image.not_found", "image.build_failed", "host.disk_full", "host.command_missing"] },
  imageDelete: { id: "imageDelete", kind: "json", method: "DELETE", path: "/v1/images/:name", summary: "Delete an image that no VM uses.", params: byImage, result: empty, errors: ["image.not_found", "image.in_use"] },

  operationList: { id: "operationList", kind: "json", method: "GET", path: "/v1/operations", summary: "Operations under way and the most recent ones.", result: z.array(operation), errors: [] },
  operationFollow: { id: "operationFollow", kind: "progress", method: "GET", path: "/v1/operations/:id/events", summary: "Follow an operation from its first event.", params: byId, result: z.unknown(), errors: ["operation.not_found"] },
  defaults: { id: "defaults", kind: "json", method: "GET", path: "/v1/defaults", summary: "The effective defaults of a new VM with where each came from.", result: effectiveSpec, errors: ["config.invalid"] },
  doctor: { id: "doctor", kind: "progress", method: "GET", path: "/v1/doctor", summary: "Check the host; each check is a stage.", result: doctorReport, errors: [] },
} as const satisfies Readonly<Record<string, Route>>;

export type Routes = typeof routes;
type Out<R, K extends string> = R extends { readonly [P in K]: infer S extends z.ZodMiniType } ? z.output<S> : undefined;
export type ParamsOf<R extends Route> = Out<R, "params">;
export type QueryOf<R extends Route> = Out<R, "query">;
export type BodyOf<R extends Route> = Out<R, "body">;
export type ResultOf<R extends Route> = z.output<R["result"]>;
