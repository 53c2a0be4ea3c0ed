// The host programs banger runs and the packages they come in. `make deps` installs the same list: scripts/host-packages.txt,
// which a test compares with this one.
import type { Family } from "./distribution.ts";

export interface HostProgram {
  /** Any one of these will do. */
  readonly names: readonly string[];
  readonly packages: Readonly<Record<Family, string>>;
  /** What does not work without it. */
  readonly needs: string;
}

const same = (name: string): Readonly<Record<Family, string>> => ({ apt: name, dnf: name, pacman: name });

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
  { names: ["ip"], packages: { apt: "iproute2", dnf: "iproute", pacman: "iproute2" }, needs: "the network of guests" },
  { names: ["nft"], packages: same("nftables"), needs: "the network of guests" },
  { names: ["ssh"], packages: { apt: "openssh-client", dnf: "openssh-clients", pacman: "openssh" }, needs: "vm ssh" },
  { names: ["ssh-keygen"], packages: { apt: "openssh-client", dnf: "openssh-clients", pacman: "openssh" }, needs: "vm ssh" },
  { names: ["git"], packages: same("git"), needs: "workspaces" },
  { names: ["mmdebstrap"], packages: same("mmdebstrap"), needs: "building images" },
  { names: ["newuidmap"], packages: { apt: "uidmap", dnf: "shadow-utils", pacman: "shadow" }, needs: "building images" },
  { names: ["newgidmap"], packages: { apt: "uidmap", dnf: "shadow-utils", pacman: "shadow" }, needs: "building images" },
  { names: ["tar2sqfs"], packages: same("squashfs-tools-ng"), needs: "building images" },
];
