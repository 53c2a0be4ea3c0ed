// The resources of the API as zod schemas; those with an id are named so in its description (openapi.json). `zod/mini`: smaller, and what it lacks is not needed.
import * as z from "zod/mini";
import { DRIVER_NAMES, READINESS_LEVELS } from "./choices.ts";
import type { ErrorCode } from "./errors.ts";
import { VM_NAME_PATTERN } from "./names.ts";

export const vmName = z
  .string()
  .check(z.regex(VM_NAME_PATTERN), z.describe("A DNS label: 1 to 63 of a-z 0-9 '-'."))
  .register(z.globalRegistry, { id: "VmName" });

export const readinessLevel = z.enum(READINESS_LEVELS).register(z.globalRegistry, { id: "ReadinessLevel" });
export type ReadinessLevel = z.infer<typeof readinessLevel>;

export const driverName = z.enum(DRIVER_NAMES).register(z.globalRegistry, { id: "Driver" });
export type DriverName = z.infer<typeof driverName>;
export const acceleratorName = z.enum(["kvm", "tcg"]).register(z.globalRegistry, { id: "Accelerator" });
export type AcceleratorName = z.infer<typeof acceleratorName>;

/** One of the codes; one that a newer daemon has is taken as well. */
export const errorCode = z.custom<ErrorCode>((value) => typeof value === "string").register(z.globalRegistry, { id: "ErrorCode" });

export const errorBody = z
  .object({
    code: errorCode,
    message: z.string(),
    hint: z.optional(z.string()),
    details: z.optional(z.record(z.string(), z.unknown())),
    operationId: z.optional(z.string()),
  })
  .register(z.globalRegistry, { id: "Error" });

const port = z.int().check(z.minimum(1), z.maximum(65_535));
export const portMapping = z
  .strictObject({
    hostAddress: z.ipv4(),
    hostPort: z.int().check(z.minimum(0), z.maximum(65_535), z.describe("0: the kernel chooses.")),
    guestPort: port,
  })
  .register(z.globalRegistry, { id: "PortMapping" });

export const vmSpecInput = z
  .strictObject({
    vcpu: z.optional(z.int().check(z.minimum(1), z.maximum(64))),
    memoryMib: z.optional(z.int().check(z.minimum(64), z.describe("Memory in MiB."))),
    diskBytes: z.optional(z.int().check(z.minimum(64 * 1024 * 1024), z.describe("Size of the data disk in bytes."))),
  })
  .register(z.globalRegistry, { id: "VmSpec" });

/** Where a value came from. */
export const provenance = z.enum(["flag", "config", "host", "default", "image"]).register(z.globalRegistry, { id: "Provenance" });
export type Provenance = z.infer<typeof provenance>;
const sourced = <T extends z.ZodMiniType>(value: T) => z.object({ value, source: provenance });
export const effectiveSpec = z
  .object({
    vcpu: sourced(z.int()),
    memoryMib: sourced(z.int()),
    diskBytes: sourced(z.int()),
    image: sourced(z.string()),
  })
  .register(z.globalRegistry, { id: "EffectiveSpec" });
export type EffectiveSpec = z.infer<typeof effectiveSpec>;

export const effectiveSettings = z
  .object({
    file: z.string().check(z.describe("The config.toml that is read, whether or not it is there.")),
    defaultImageName: sourced(z.string()),
    sshKeyPath: sourced(z.nullable(z.string())).check(z.describe("Null: a key of banger's own.")),
    firecrackerBin: sourced(z.nullable(z.string())).check(z.describe("Null: looked up on PATH.")),
    vmDefaults: z.object({ vcpu: sourced(z.int()), memoryMib: sourced(z.int()), diskBytes: sourced(z.int()) }),
    fileSync: z
      .array(z.object({ host: z.string(), guest: z.string(), mode: z.nullable(z.int()) }))
      .check(z.describe("What every new VM gets of the owner's files; `guest` is below root's home.")),
  })
  .register(z.globalRegistry, { id: "EffectiveSettings" });
export type EffectiveSettings = z.infer<typeof effectiveSettings>;

export const createVmBody = z
  .strictObject({
    name: z.optional(vmName),
    image: z.optional(z.string().check(z.minLength(1), z.maxLength(255))),
    spec: z.optional(vmSpecInput),
    publish: z.optional(z.array(portMapping)),
    start: z.optional(z.boolean().check(z.describe("Boot it too; default true."))),
    lease: z.optional(z.boolean().check(z.describe("Delete the VM when its lease connection closes; default false."))),
    egress: z.optional(z.enum(["full", "none"])),
    needsNetwork: z.optional(z.boolean().check(z.describe("Refuse to make it where the host has no network to give; default false."))),
    driver: z.optional(driverName),
    authorizedKeys: z.optional(z.array(z.string().check(z.maxLength(16_384)))),
    gitIdentity: z.optional(z.strictObject({ name: z.string(), email: z.string() })),
    wait: z.optional(readinessLevel.check(z.describe("Answer once this level is reached; default agent."))),
  })
  .register(z.globalRegistry, { id: "CreateVm" });
export type CreateVmBody = z.infer<typeof createVmBody>;

export const vmStatus = z
  .enum(["creating", "stopped", "starting", "running", "stopping", "deleting"])
  .register(z.globalRegistry, { id: "VmStatus" });
export type VmStatus = z.infer<typeof vmStatus>;

export const stopReason = z
  .object({
    code: z.enum([
      "never_started",
      "requested",
      "killed",
      "guest_poweroff",
      "guest_panic",
      "crashed",
      "reboot_loop",
      "start_failed",
      "host_restarted",
    ]),
    detail: z.optional(z.string().check(z.describe("What is known of the cause, such as the tail of the console."))),
  })
  .register(z.globalRegistry, { id: "StopReason" });
export type StopReason = z.infer<typeof stopReason>;

const commit = z.string().check(z.regex(/^[0-9a-f]{40}$/));
const time = z.string().check(z.describe("RFC 3339."));

export const workspace = z
  .object({
    guestPath: z.string().check(z.describe("Directory in the guest.")),
    source: z.string().check(z.describe("The repository on the host it was copied from.")),
    tree: commit.check(z.describe("Git's id of the tree that was sent, or that has come back since: changes are told from it.")),
    head: z.nullable(commit),
    formerHeads: z.optional(z.array(commit).check(z.describe("Commits it was sent on before."))),
    branch: z.nullable(z.string()),
    copiedAt: time,
    files: z.int().check(z.describe("Files of that tree.")),
    kept: z.nullable(
      z
        .object({
          at: time,
          files: z.int().check(z.describe("Changed files; 0: nothing had changed.")),
          bytes: z.int(),
          isLatest: z.boolean().check(z.describe("False once the guest has run again.")),
          lonelyRefs: z.optional(
            z
              .array(z.string())
              .check(
                z.describe("Branches and stashes, as `refs/heads/wip`, with commits that are on the VM's disk alone: they are not kept."),
              ),
          ),
        })
        .check(z.describe("What was taken out of the guest when it last went down.")),
    ),
  })
  .register(z.globalRegistry, { id: "Workspace" });
export type Workspace = z.infer<typeof workspace>;

export const keptVm = z
  .object({
    id: z.string(),
    name: vmName,
    deletedAt: time,
    workspaces: z.array(workspace),
  })
  .register(z.globalRegistry, { id: "KeptVm" });
export type KeptVm = z.infer<typeof keptVm>;

export const vm = z
  .object({
    id: z.string(),
    name: vmName,
    status: vmStatus,
    stopReason: z.nullable(stopReason),
    image: z.string(),
    imageDigest: z.string(),
    vcpu: z.int(),
    memoryMib: z.int(),
    diskBytes: z.int(),
    diskUsedBytes: z.int().check(z.describe("Bytes the data disk takes on the host.")),
    driver: driverName,
    accelerator: z.nullable(acceleratorName),
    address: z.nullable(z.string()),
    egress: z.enum(["full", "none"]),
    pauseReason: z.nullable(z.enum(["host_disk_full"])).check(z.describe("Why a running guest stands still; it goes on by itself.")),
    networkLost: z.boolean().check(z.describe("Its network died while it ran; a restart brings it back.")),
    noNetwork: z
      .nullable(z.object({ reason: z.string(), fix: z.string() }))
      .check(z.describe("Why it was started without a network, and what to type before the next start; null when it was not.")),
    forwards: z.array(z.extend(portMapping, { error: z.optional(z.string()) })),
    readiness: z.array(readinessLevel),
    bootId: z.nullable(z.string()),
    pid: z.nullable(z.int().check(z.describe("Process id of the VMM on the host."))),
    leased: z.boolean(),
    createdAt: z.string(),
    startedAt: z.nullable(z.string()),
    sshHostKey: z.string().check(z.describe("Public host key, `ssh-ed25519 …`, made on the host.")),
    workspaces: z.array(workspace),
  })
  .register(z.globalRegistry, { id: "Vm" });
export type Vm = z.infer<typeof vm>;

export const image = z
  .object({
    name: z.string(),
    status: z.enum(["ready", "available", "building"]).check(z.describe("available: in the catalog, not here yet.")),
    outdated: z.boolean().check(z.describe("It is here, but its recipe has changed since; a pull builds it anew.")),
    digest: z.nullable(z.string()),
    sizeBytes: z.nullable(z.int()),
    arch: z.string(),
    origin: z.string().check(z.describe("recipe, bundle or oci, with its reference.")),
    kernel: z.nullable(z.string()),
    createdAt: z.nullable(z.string()),
    usedBy: z.array(z.string()).check(z.describe("Names of the VMs on it.")),
  })
  .register(z.globalRegistry, { id: "Image" });
export type Image = z.infer<typeof image>;

export const operation = z
  .object({
    id: z.string(),
    kind: z.string(),
    target: z.nullable(z.string()),
    startedAt: z.string(),
    finishedAt: z.nullable(z.string()),
    error: z.nullable(errorBody),
  })
  .register(z.globalRegistry, { id: "Operation" });
export type Operation = z.infer<typeof operation>;

export const daemonInfo = z
  .object({
    version: z.string(),
    build: z.optional(z.string().check(z.describe("Tells builds of one version apart."))),
    api: z.literal(1),
    pid: z.int(),
    mode: z.enum(["user", "system"]),
    stateDir: z.string(),
    socket: z.string(),
    logFile: z.string(),
    startedAt: z.string(),
    vms: z.int(),
    runningVms: z.int(),
  })
  .register(z.globalRegistry, { id: "DaemonInfo" });
export type DaemonInfo = z.infer<typeof daemonInfo>;

export const checkResult = z
  .object({
    id: z.string(),
    status: z.enum(["ok", "warning", "failed", "skipped"]),
    summary: z.string(),
    fix: z.optional(z.string()),
    details: z.optional(z.record(z.string(), z.unknown())),
  })
  .register(z.globalRegistry, { id: "CheckResult" });
export type CheckResult = z.infer<typeof checkResult>;
export const doctorReport = z
  .object({ checks: z.array(checkResult), problems: z.int(), warnings: z.int() })
  .register(z.globalRegistry, { id: "DoctorReport" });
export type DoctorReport = z.infer<typeof doctorReport>;

export const execBody = z
  .strictObject({
    argv: z.array(z.string()).check(z.minLength(1)),
    env: z.optional(z.record(z.string(), z.string())),
    cwd: z.optional(z.string()),
    user: z.optional(z.string()),
    login: z.optional(z.boolean()),
    tty: z.optional(z.strictObject({ cols: z.int(), rows: z.int(), term: z.string() })),
    wait: z.optional(readinessLevel.check(z.describe("Level the guest must have reached first; default basic."))),
  })
  .register(z.globalRegistry, { id: "ExecBody" });
export type ExecBody = z.infer<typeof execBody>;

/** What is at a path of a guest. */
export const fileStat = z
  .object({
    type: z.enum(["file", "directory", "symlink", "other"]),
    mode: z.int().check(z.describe("Permission bits with setuid, setgid and sticky.")),
    size: z.number(),
    leadsTo: z.optional(z.enum(["file", "directory", "other", "nothing"]).check(z.describe("What a symlink leads to in the end."))),
    realPath64: z.optional(z.string().check(z.describe("Where that is, in base64."))),
  })
  .register(z.globalRegistry, { id: "FileStat" });
export type FileStat = z.infer<typeof fileStat>;
