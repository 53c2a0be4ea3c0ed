// Every setting of config.toml, one line each, and what its value must be.
import { isAbsolute, join, normalize } from "node:path";
import { BangerError, MIB, parseSize } from "@banger/api";
import type { Config } from "./contract.ts";

/** Throws an Error whose message says what is wanted instead. */
type Reader<T> = (value: unknown, home: string) => T;

export interface Table {
  readonly [key: string]: Reader<unknown> | Table | List;
}

/** Tables of one kind, written as `[[name]]`. */
export interface List {
  readonly kind: "list";
  readonly of: Readonly<Record<string, Reader<unknown>>>;
  readonly required: readonly string[];
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
  /** Files and directories of yours that every new VM gets at its first boot. */
  file_sync: {
    kind: "list",
    of: {
      /** What to copy, below your home. */
      host: pathInHome,
      /** Where it goes, below root's home: `~/` or `/root/`. */
      guest: pathInGuestHome,
      /** Mode of the file, or of every file in the directory. Default: "0600" for a file, as they are for a directory. */
      mode: fileMode,
    },
    required: ["host", "guest"],
  },
} as const satisfies Table;

export const DEFAULT_CONFIG: Config = {
  defaultImageName: "debian-bookworm",
  sshKeyPath: null,
  firecrackerBin: null,
  vmDefaults: {},
  fileSync: [],
};

type ValuesOf<T> = {
  readonly [K in keyof T]?: T[K] extends Reader<infer V>
    ? V
    : T[K] extends { readonly kind: "list"; readonly of: infer Item }
      ? readonly ValuesOf<Item>[]
      : ValuesOf<T[K]>;
};
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
    fileSync: (settings.file_sync ?? []).map(({ host = "", guest = "", mode }) => ({ host, guest, mode: mode ?? null })),
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

/** Absolute and below the home directory; that it is there, and where symlinks on it lead, shows when it is copied. */
function pathInHome(value: unknown, home: string): string {
  const wanted = 'a path below your home in quotes, such as "~/.gitconfig"';
  const written = typeof value === "string" && value.startsWith("~/") ? join(home, value.slice(2)) : value;
  if (typeof written !== "string" || hasParentPart(value) || written.includes("\0")) throw new Error(wanted);
  const clean = normalize(written).replace(/(.)\/$/, "$1");
  if (!clean.startsWith(`${home.replace(/\/$/, "")}/`)) throw new Error(wanted);
  return clean;
}

/** Relative to root's home in the guest. */
function pathInGuestHome(value: unknown): string {
  const below = typeof value === "string" ? /^(?:~|\/root)\/(.*)$/s.exec(value)?.[1] : undefined;
  const clean = below === undefined ? "" : normalize(below).replace(/(.)\/$/, "$1");
  if (below === undefined || below === "" || clean === "." || clean.startsWith("/") || hasParentPart(value) || below.includes("\0"))
    throw new Error('a path below root\'s home in quotes, such as "~/.gitconfig" or "/root/.gitconfig"');
  return clean;
}

function hasParentPart(value: unknown): boolean {
  return typeof value === "string" && value.split("/").includes("..");
}

/** In octal; as a text, since a number such as 600 is decimal in TOML. */
function fileMode(value: unknown): number {
  if (typeof value !== "string" || !/^0?[0-7]{3}$/.test(value)) throw new Error('an octal mode in quotes, such as "0600"');
  return Number.parseInt(value, 8);
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
