// What goes into every route of the API and what comes out, as zod schemas. Apart from the routes themselves, because who
// calls them needs the schemas seldom, and making them takes longer than the rest of a short command.
import * as z from "zod/mini";
import type { RouteSchemas } from "./route.ts";
import type { routes } from "./routes.ts";
import {
  createVmBody,
  daemonInfo,
  doctorReport,
  effectiveSettings,
  effectiveSpec,
  execBody,
  fileStat,
  image,
  keptVm,
  operation,
  portMapping,
  readinessLevel,
  vm,
  vmName,
  workspace,
} from "./schemas.ts";

const empty = z.object({}).register(z.globalRegistry, { id: "Nothing" });
const byName = z.object({ name: vmName });
const byId = z.object({ id: z.string() });
const commit = z.string().check(z.regex(/^[0-9a-f]{40}$/));
const byImage = z.object({ name: z.string() });
const selection = z
  .strictObject({
    path: z.string().check(z.describe("A directory of the guest, absolute.")),
    paths64: z.array(z.string()).check(z.describe("Names below it in base64: names are bytes.")),
  })
  .register(z.globalRegistry, { id: "Selection" });

const removal = z.extend(selection, {
  was: z.optional(
    z
      .array(z.string())
      .check(z.describe("What each of them is: `nothing`, `MODE ID`, or empty for whatever it is. Anything else is refused.")),
  ),
});

export const routeSchemas = {
  ping: { result: daemonInfo },
  openapi: { result: z.record(z.string(), z.unknown()) },
  daemonStop: { result: empty },
  vmList: { result: z.array(vm) },
  vmShow: { params: byName, result: vm },
  vmCreate: { body: createVmBody, result: vm },
  vmStart: { params: byName, query: z.strictObject({ wait: z.optional(readinessLevel) }), result: vm },
  vmStop: { params: byName, result: vm },
  vmRestart: { params: byName, query: z.strictObject({ wait: z.optional(readinessLevel) }), result: vm },
  vmDelete: {
    params: byName,
    query: z.strictObject({ discardChanges: z.optional(z.enum(["true", "false"])) }),
    result: z.object({ kept: z.nullable(keptVm) }),
  },
  vmKill: { params: byName, body: z.strictObject({ signal: z.optional(z.string()) }), result: vm },
  vmWait: { params: byName, query: z.strictObject({ level: z.optional(readinessLevel) }), result: vm },
  vmPing: { params: byName, result: empty },
  vmLogs: {
    params: byName,
    query: z.strictObject({ source: z.optional(z.enum(["console", "vmm", "agent"])), follow: z.optional(z.enum(["true", "false"])) }),
    result: z.unknown(),
  },
  vmLease: { params: byName, result: empty },
  vmLeaseRelease: { params: byName, result: vm },
  vmForward: { params: byName, body: portMapping, result: portMapping },
  vmUnforward: { params: byName, query: z.strictObject({ hostAddress: z.string(), hostPort: z.coerce.number() }), result: vm },
  vmExec: { params: byName, body: execBody, result: z.object({ id: z.string() }) },
  execAttach: { params: byId, result: empty },
  vmDial: { params: byName, query: z.strictObject({ network: z.optional(z.enum(["tcp", "unix"])), address: z.string() }), result: empty },
  vmFilesPut: {
    params: byName,
    query: z.strictObject({ path: z.string(), owner: z.optional(z.string()) }),
    result: z.object({ files: z.int(), bytes: z.int() }),
  },
  vmFilesGet: { params: byName, query: z.strictObject({ path: z.string() }), result: z.unknown() },
  vmFilesStat: { params: byName, query: z.strictObject({ path: z.string() }), result: fileStat },
  vmFilesSelect: { params: byName, body: selection, result: z.unknown() },
  vmFilesRemove: { params: byName, body: removal, result: z.object({ files: z.int() }) },
  vmTree: {
    params: byName,
    query: z.strictObject({
      path: z.string(),
      stamps: z.optional(z.literal("true").check(z.describe("A word for each file that stays the same as long as the file does."))),
    }),
    result: z.unknown(),
  },
  vmTreeIds: { params: byName, body: selection, result: z.unknown() },
  workspacePut: {
    params: byName,
    query: z.strictObject({
      path: z.string().check(z.regex(/^(\/[^/\0]+)+$/), z.maxLength(1024), z.describe("The directory in the guest.")),
      source: z.string().check(z.maxLength(4096), z.describe("The repository on the host.")),
      tree: commit.check(z.describe("Git's id of the tree.")),
      head: z.optional(commit),
      branch: z.optional(z.string().check(z.maxLength(1024))),
    }),
    result: workspace,
  },
  workspaceFiles: { params: byName, query: z.strictObject({ path: z.string() }), result: z.unknown() },
  keptList: { result: z.array(keptVm) },
  keptChanges: { params: byId, query: z.strictObject({ path: z.string() }), result: z.unknown() },
  keptDelete: { params: byId, result: empty },
  imageList: { result: z.array(image) },
  imageShow: { params: byImage, result: image },
  imagePull: { params: byImage, query: z.strictObject({ force: z.optional(z.enum(["true", "false"])) }), result: image },
  imageDelete: { params: byImage, result: empty },
  operationList: { result: z.array(operation) },
  operationFollow: { params: byId, result: z.unknown() },
  defaults: { result: effectiveSpec },
  settings: { result: effectiveSettings },
  doctor: { result: doctorReport },
} as const satisfies { readonly [K in keyof typeof routes]: RouteSchemas };
