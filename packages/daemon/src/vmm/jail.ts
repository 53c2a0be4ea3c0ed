// The jail around every VMM, as data: what it may see and the argv that builds it. A VMM talks to an untrusted guest, so it
// gets its own program, its disks, its run directory and nothing else: no /proc, no /sys, no capabilities, no other network
// than its tap. Paths inside are constants, so that a snapshot of one VM can be restored as another.
import { asUser, type RunAs } from "@banger/host";
import type { NetworkNamespace } from "../network/contract.ts";

/** Where things are inside every jail. */
export const JAIL = {
  kernel: "/boot/kernel",
  initramfs: "/boot/initramfs",
  disks: "/disks",
  /** The VM's run directory, the only writable one: sockets. */
  run: "/run/vm",
  firmware: "/vmm/firmware",
  modules: "/vmm/modules",
  log: "/vmm/log",
} as const;

export interface Bind {
  /** Absolute path on the host. */
  readonly source: string;
  /** Absolute path in the jail. */
  readonly target: string;
  readonly access: "ro" | "rw" | "device" | "device-if-there";
}

/** The jail's network: none at all, the anchor's namespace, or the host's own (where the tap is when a helper made it). */
export type JailNetwork = "none" | "host" | NetworkNamespace;

/** Absolute paths of the programs that build the jail. */
export interface JailTools {
  readonly bwrap: string;
  /** Needed to enter a network namespace. */
  readonly nsenter: string;
  /** Where a program named without a path is found, as in PATH. */
  readonly searchPath: string;
}

export interface JailSpec {
  /** argv of the VMM inside the jail. */
  readonly program: readonly string[];
  /** The VMM's whole environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly binds: readonly Bind[];
  readonly network: JailNetwork;
  /** Whom a root daemon becomes before it enters anything. */
  readonly runAs: RunAs | null;
  readonly tools: JailTools;
  /** Whether the VMM is killed when its starter ends. */
  readonly endsWithStarter: boolean;
  /** Descriptor on which bubblewrap reports the VMM's pid and, at its end, its exit code. */
  readonly statusFd: number;
}

/** The whole argv: become the VM user, enter the network namespace, build the jail, run the VMM. */
export function planJail(spec: JailSpec): readonly string[] {
  const bwrap = [
    spec.tools.bwrap,
    ...["--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"],
    ...(spec.network === "none" ? ["--unshare-net"] : []),
    // As PID 1 the VMM is the child that bubblewrap reports: one process less, and the namespace ends with it.
    "--as-pid-1",
    ...(spec.endsWithStarter ? ["--die-with-parent"] : []),
    ...["--cap-drop", "ALL", "--clearenv", "--new-session"],
    ...Object.entries(spec.env).flatMap(([name, value]) => ["--setenv", name, value]),
    ...["--tmpfs", "/dev", "--dev-bind", "/dev/null", "/dev/null"],
    ...spec.binds.flatMap(bindArguments),
    // The tmpfs that everything is mounted on belongs to the VMM's user: without this it could fill the host's memory.
    ...["--remount-ro", "/dev", "--remount-ro", "/"],
    ...["--chdir", "/", "--json-status-fd", String(spec.statusFd), "--"],
    ...spec.program,
  ];
  return asUser([...enter(spec), ...bwrap], spec.runAs);
}

/** Which network a VMM needs. Without a nic it gets none, whatever there is. */
export function jailNetwork(nic: object | null, namespace: NetworkNamespace | null): JailNetwork {
  if (nic === null) return "none";
  return namespace ?? "host";
}

/** The devices a VMM opens. `/dev/kvm` may be missing: the VMM then says so in its own words. */
export function deviceBinds(needs: { readonly kvm: boolean; readonly tun: boolean }): readonly Bind[] {
  return [...(needs.kvm ? ["/dev/kvm"] : []), ...(needs.tun ? ["/dev/net/tun"] : [])].map((path) => ({
    source: path,
    target: path,
    access: "device-if-there",
  }));
}

function enter(spec: JailSpec): readonly string[] {
  if (typeof spec.network === "string") return [];
  // Only the user and network namespaces: pids stay the host's, so that the reported pid means something to us.
  return [spec.tools.nsenter, "--user", "--net", "--preserve-credentials", "--target", String(spec.network.anchorPid), "--"];
}

const BIND_OPTIONS = {
  ro: "--ro-bind",
  rw: "--bind",
  device: "--dev-bind",
  "device-if-there": "--dev-bind-try",
} as const satisfies Record<Bind["access"], string>;

function bindArguments(bind: Bind): readonly string[] {
  return [BIND_OPTIONS[bind.access], bind.source, bind.target];
}
