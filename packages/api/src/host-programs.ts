// The host programs banger runs, the packages they come in, and the command that installs them on this distribution. `make deps`
// installs the same list: scripts/host-packages.txt, which a test compares with this one.
import { readFileSync } from "node:fs";
import { BangerError } from "./errors.ts";

export type Family = "apt" | "dnf" | "pacman";
/** The name of a package in each family. */
export type PackageNames = Readonly<Record<Family, string>>;

interface Distribution {
  /** Values of ID and ID_LIKE in os-release(5). */
  readonly ids: readonly string[];
  readonly install: readonly string[];
}

export const DISTRIBUTIONS: Readonly<Record<Family, Distribution>> = {
  apt: { ids: ["debian", "ubuntu"], install: ["sudo", "apt", "install"] },
  dnf: { ids: ["fedora", "rhel", "centos"], install: ["sudo", "dnf", "install"] },
  pacman: { ids: ["arch"], install: ["sudo", "pacman", "-S"] },
};

export interface HostProgram {
  /** Any one of these will do. */
  readonly names: readonly string[];
  readonly packages: PackageNames;
  /** What does not work without it. */
  readonly needs: string;
}

const same = (name: string): PackageNames => ({ apt: name, dnf: name, pacman: name });
const OPENSSH: PackageNames = { apt: "openssh-client", dnf: "openssh-clients", pacman: "openssh" };
const UIDMAP: PackageNames = { apt: "uidmap", dnf: "shadow-utils", pacman: "shadow" };

export const HOST_PROGRAMS: readonly HostProgram[] = [
  {
    names: ["qemu-system-x86_64"],
    packages: { apt: "qemu-system-x86", dnf: "qemu-system-x86-core", pacman: "qemu-system-x86" },
    needs: "running VMs",
  },
  { names: ["bwrap"], packages: same("bubblewrap"), needs: "the jail around each VM" },
  { names: ["mkfs.ext4"], packages: same("e2fsprogs"), needs: "a VM's disk" },
  { names: ["setpriv"], packages: same("util-linux"), needs: "giving up rights" },
  { names: ["nsenter"], packages: same("util-linux"), needs: "the network of guests" },
  { names: ["unshare"], packages: same("util-linux"), needs: "the network of guests" },
  { names: ["pasta"], packages: same("passt"), needs: "the network of guests" },
  { names: ["ip"], packages: { ...same("iproute2"), dnf: "iproute" }, needs: "the network of guests" },
  { names: ["nft"], packages: same("nftables"), needs: "the network of guests" },
  { names: ["ssh"], packages: OPENSSH, needs: "vm ssh" },
  { names: ["ssh-keygen"], packages: OPENSSH, needs: "vm ssh" },
  { names: ["git"], packages: same("git"), needs: "workspaces" },
  { names: ["mmdebstrap"], packages: same("mmdebstrap"), needs: "building images" },
  { names: ["newuidmap"], packages: UIDMAP, needs: "building images" },
  { names: ["newgidmap"], packages: UIDMAP, needs: "building images" },
  { names: ["tar2sqfs"], packages: same("squashfs-tools-ng"), needs: "building images" },
];

/** Debian's archive keys, which an image is checked with. */
export const KEYRING_PACKAGES: PackageNames = { ...same("debian-archive-keyring"), dnf: "debian-keyring" };
/** What is on every machine, or nearly. */
const BASE_PROGRAMS: Readonly<Record<string, PackageNames>> = { sleep: same("coreutils"), tee: same("coreutils"), dd: same("coreutils") };

/** The family of the host whose os-release is `text`; undefined when it is none we know packages of. */
export function familyOf(text: string): Family | undefined {
  const field = (name: string) => new RegExp(`^${name}=["']?([^"'\\n]*)["']?$`, "m").exec(text)?.[1] ?? "";
  for (const id of [field("ID"), ...field("ID_LIKE").split(/\s+/)]) {
    const found = (Object.keys(DISTRIBUTIONS) as Family[]).find((family) => DISTRIBUTIONS[family].ids.includes(id));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The command that installs `wanted`, each package once, on the host whose os-release is `osRelease`. */
export function installCommand(wanted: readonly PackageNames[], osRelease: string): string {
  const family = familyOf(osRelease);
  const packages = [...new Set(wanted.map((names) => names[family ?? "apt"]))];
  if (family === undefined) return `install with your package manager (Debian's names): ${packages.join(" ")}`;
  return [...DISTRIBUTIONS[family].install, ...packages].join(" ");
}

/** The packages `programs` come in; those of unknown origin are left out. */
export function packagesOf(programs: readonly string[]): readonly PackageNames[] {
  const packageOf = (program: string) => HOST_PROGRAMS.find(({ names }) => names.includes(program))?.packages ?? BASE_PROGRAMS[program];
  return programs.map(packageOf).filter((names) => names !== undefined);
}

/** `host.command_missing`, with the command that installs the program here. */
export function programMissing(program: string, cause?: unknown): BangerError {
  const wanted = packagesOf([program]);
  return new BangerError("host.command_missing", `${program} is not installed`, {
    hint: wanted.length === 0 ? "banger doctor" : installCommand(wanted, readOsRelease()),
    details: { program },
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Text of os-release(5); empty where there is none. */
export function readOsRelease(file = "/etc/os-release"): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    // Missing or closed to us: what cannot be told is told in general words.
    return "";
  }
}
