// The flags that describe a new VM, shared by `vm run` and `vm create`, and the request they make.
import { DRIVER_NAMES, MIB, parseVmName, type CreateVmBody, type DriverName, type PortMapping, type ReadinessLevel } from "@banger/api";
import type { GitIdentity } from "./git-identity.ts";
import { switchFlag } from "../command.ts";
import { parseCount, parseDisk, parseMemory, parsePublish } from "../flags.ts";

export interface SpecFlags {
  readonly name?: string;
  readonly image?: string;
  readonly vcpu?: number;
  /** Bytes. */
  readonly memory?: number;
  /** Bytes. */
  readonly diskSize?: number;
  readonly publish?: readonly PortMapping[];
  readonly wait?: ReadinessLevel;
  readonly noNetwork?: boolean;
  readonly driver?: DriverName;
}

export const specFlags = {
  name: {
    kind: "parsed",
    parse: parseVmName as (text: string) => string,
    optional: true,
    brief: "Name of the VM; made up by default",
    placeholder: "NAME",
  },
  vcpu: {
    kind: "parsed",
    parse: parseCount,
    optional: true,
    brief: "Virtual CPUs; by default a quarter of the host's, at most 4",
    placeholder: "N",
  },
  memory: {
    kind: "parsed",
    parse: parseMemory,
    optional: true,
    brief: "Memory, as 4G or 512MiB; by default an eighth of the host's, at most 8 GiB",
    placeholder: "SIZE",
  },
  diskSize: {
    kind: "parsed",
    parse: parseDisk,
    optional: true,
    brief: "Most its disk can hold, as 16G; by default 8 GiB",
    placeholder: "SIZE",
  },
  publish: {
    kind: "parsed",
    parse: parsePublish,
    optional: true,
    variadic: true,
    brief: "Reach a guest's port on the host, at 127.0.0.1 unless ADDR is given; more than once for more",
    placeholder: "[ADDR:]HOST:GUEST",
  },
  image: { kind: "parsed", parse: String, optional: true, brief: "Image it boots from; by default debian-bookworm", placeholder: "IMAGE" },
  noNetwork: switchFlag("No network for the guest"),
  driver: {
    kind: "enum",
    values: DRIVER_NAMES,
    optional: true,
    brief: "VMM that runs it; by default firecracker where it is installed and KVM works",
  },
} as const;

export const specAliases = { p: "publish" } as const;

export interface RequestExtras {
  readonly start?: boolean;
  readonly lease?: boolean;
  readonly needsNetwork?: boolean;
  readonly wait: ReadinessLevel;
  readonly authorizedKeys: readonly string[];
  readonly gitIdentity: GitIdentity | undefined;
}

export function createRequest(flags: SpecFlags, extras: RequestExtras): CreateVmBody {
  const spec = {
    ...(flags.vcpu === undefined ? {} : { vcpu: flags.vcpu }),
    ...(flags.memory === undefined ? {} : { memoryMib: Math.max(1, Math.round(flags.memory / MIB)) }),
    ...(flags.diskSize === undefined ? {} : { diskBytes: flags.diskSize }),
  };
  return {
    ...(flags.name === undefined ? {} : { name: flags.name }),
    ...(flags.image === undefined ? {} : { image: flags.image }),
    ...(Object.keys(spec).length === 0 ? {} : { spec }),
    ...(flags.publish === undefined || flags.publish.length === 0 ? {} : { publish: [...flags.publish] }),
    ...(flags.noNetwork === true ? { egress: "none" as const } : {}),
    ...(flags.driver === undefined ? {} : { driver: flags.driver }),
    ...(extras.start ? {} : { start: false }),
    ...(extras.needsNetwork === true ? { needsNetwork: true } : {}),
    ...(extras.lease ? { lease: true } : {}),
    ...(extras.authorizedKeys.length === 0 ? {} : { authorizedKeys: [...extras.authorizedKeys] }),
    ...(extras.gitIdentity === undefined ? {} : { gitIdentity: extras.gitIdentity }),
    wait: flags.wait ?? extras.wait,
  };
}
