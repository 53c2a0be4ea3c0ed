// Every setting of config.toml, one line each, and what its value must be.
import { isAbsolute, join } from "node:path";
import { BangerError, MIB, parseSize } from "@banger/api";
import type { Config } from "./contract.ts";

/** Throws an Error whose message says what is wanted instead. */
type Reader<T> = (value: unknown, home: string) => T;

export interface Table {
  readonly [key: string]: Reader<unknown> | Table;
}

/** Root table of config.toml. */
export const SETTINGS = {
  /** Image of a new VM. Default debian-bookworm. */
  default_image_name: text,
  /** Private key for `vm ssh`, absolute or below `~/`; its `.pub` goes into guests. Default: a key of banger's own. */
  ssh_key_path: path,
  /** The firecracker program, absolute or below `~/`. Default: looked up on PATH. */
  firecracker_bin: path,
  /** Where the host heuristics are not wanted. */
  vm_defaults: {
    /** Number of virtual CPUs, 1 to 64. */
    vcpu: wholeNumber(1, 64),
    /** Memory: a size such as "4G", or MiB as a number. */
    memory: size,
    /** Size of the data disk: a size such as "16G", or MiB as a number. */
    disk_size: size,
  },
} as const satisfies Table;

export const DEFAULT_CONFIG: Config = {
  defaultImageName: "debian-bookworm",
  sshKeyPath: null,
  firecrackerBin: null,
  vmDefaults: {},
};

type ValuesOf<T> = { readonly [K in keyof T]?: T[K] extends Reader<infer V> ? V : ValuesOf<T[K]> };
export type Settings = ValuesOf<typeof SETTINGS>;

export function configOf(settings: Settings): Config {
  const defaults = settings.vm_defaults ?? {};
  return {
    defaultImageName: settings.default_image_name ?? DEFAULT_CONFIG.defaultImageName,
    sshKeyPath: settings.ssh_key_path ?? null,
    firecrackerBin: settings.firecracker_bin ?? null,
    vmDefaults: {
      ...(defaults.vcpu === undefined ? {} : { vcpu: defaults.vcpu }),
      ...(defaults.memory === undefined ? {} : { memoryMib: Math.floor(defaults.memory / MIB) }),
      ...(defaults.disk_size === undefined ? {} : { diskBytes: defaults.disk_size }),
    },
  };
}

function text(value: unknown): string {
  if (typeof value !== "string" || value.trim() === "" || value.length > 255) throw new Error("a text of 1 to 255 characters in quotes");
  return value;
}

function path(value: unknown, home: string): string {
  if (typeof value === "string" && isAbsolute(value)) return value;
  if (typeof value === "string" && value.startsWith("~/")) return join(home, value.slice(2));
  throw new Error('a path in quotes that begins with "/" or "~/"');
}

function wholeNumber(least: number, most: number): Reader<number> {
  return (value) => {
    if (typeof value !== "number" || !Number.isInteger(value) || value < least || value > most) {
      throw new Error(`a whole number from ${least} to ${most}`);
    }
    return value;
  };
}

/** Bytes, a whole number of MiB. */
function size(value: unknown): number {
  const wanted = 'a size such as "4G" or "512MiB", or a number of MiB, at least 64 MiB';
  if (typeof value !== "string" && !(typeof value === "number" && Number.isInteger(value))) throw new Error(wanted);
  try {
    const bytes = parseSize(String(value));
    if (bytes < 64 * MIB) throw new Error(wanted);
    return Math.floor(bytes / MIB) * MIB;
  } catch (cause) {
    if (cause instanceof BangerError) throw new Error(wanted, { cause });
    throw cause;
  }
}
