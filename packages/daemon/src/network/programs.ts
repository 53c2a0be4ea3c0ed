// Where the programs of the guests' network are. They are always run by their absolute path.
import { readFile } from "node:fs/promises";
import { findProgram, withSystemDirectories } from "@banger/host";

const packageOf = {
  pasta: "passt",
  ip: "iproute2",
  nft: "nftables",
  nsenter: "util-linux",
  unshare: "util-linux",
  setpriv: "util-linux",
  sleep: "coreutils",
  tee: "coreutils",
  dd: "coreutils",
} as const;

export type ProgramName = keyof typeof packageOf;
export type Programs = Readonly<Record<ProgramName, string>>;

export interface LocatedPrograms {
  readonly found: Partial<Programs>;
  readonly missing: readonly ProgramName[];
}

export async function locatePrograms(searchPath: string): Promise<LocatedPrograms> {
  const names = Object.keys(packageOf) as ProgramName[];
  const entries = await Promise.all(names.map(async (name) => [name, await findProgram(name, withSystemDirectories(searchPath))] as const));
  return {
    found: Object.fromEntries(entries.filter(([, path]) => path !== undefined)),
    missing: entries.filter(([, path]) => path === undefined).map(([name]) => name),
  };
}

/** The command that installs what is missing, in the words of the host's distribution (`osRelease`: text of os-release(5)). */
export function installCommand(missing: readonly ProgramName[], osRelease: string): string {
  const field = (name: string) => new RegExp(`^${name}="?([^"\\n]*)"?$`, "m").exec(osRelease)?.[1] ?? "";
  const families = [field("ID"), ...field("ID_LIKE").split(" ")];
  const family = installers.find(({ ids }) => families.some((id) => ids.includes(id)));
  const packages = [...new Set(missing.map((name) => packageOf[name]))].map((name) => family?.renamed?.[name] ?? name);
  return family === undefined ? `install ${packages.join(", ")} with your package manager` : `${family.command} ${packages.join(" ")}`;
}

export async function readOsRelease(): Promise<string> {
  try {
    return await readFile("/etc/os-release", "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}

interface Installer {
  readonly ids: readonly string[];
  readonly command: string;
  readonly renamed?: Readonly<Record<string, string>>;
}

const installers: readonly Installer[] = [
  { ids: ["debian", "ubuntu"], command: "sudo apt install" },
  { ids: ["fedora", "rhel", "centos"], command: "sudo dnf install", renamed: { iproute2: "iproute" } },
  { ids: ["arch"], command: "sudo pacman -S" },
  { ids: ["suse", "opensuse"], command: "sudo zypper install" },
  { ids: ["alpine"], command: "sudo apk add" },
];
