// What every driver does with its VMM in the jail: from the spec of a VM to the binds, the launch and the record of it, undone
// when the guest cannot be booted; and the way to its guest.
import type { Duplex } from "node:stream";
import { BangerError, type DriverName } from "@banger/api";
import type { RunAs } from "@banger/host";
import type { VmmProcess, VmmSpec } from "./contract.ts";
import { deviceBinds, JAIL, jailNetwork, planJail, type Bind, type JailTools } from "./jail.ts";
import { kvmNode, withKvmGroup } from "./kvm-device.ts";
import { writeLaunchNote } from "./launch-note.ts";
import { findLaunched, killJail, launch, STATUS_FD, type Launched } from "./launcher.ts";
import { requireProgram, type Program } from "./program.ts";
import { giveFile, prepareRunDirectory, removeSockets, vmFiles } from "./vm-directory.ts";

export interface JailedVmm {
  readonly driver: DriverName;
  readonly spec: VmmSpec;
  readonly program: Program;
  readonly kernel: string;
  /** Beyond the program, the boot files, disks, run directory and devices. */
  readonly binds: readonly Bind[];
  readonly sockets: readonly string[];
  /** Makes what the VMM needs of its own, once it is known that none runs. */
  readonly prepare: () => void;
  readonly runAs: RunAs | null;
  readonly tools: JailTools;
  readonly signal: AbortSignal;
  /** Resolves when the VMM runs its guest. What it throws, but for an abort, is the start's error. */
  readonly boot: (launched: Launched) => Promise<void>;
}

/** Absolute paths of the jail's programs. Throws `host.command_missing`. */
export async function findJailTools(searchPath: string): Promise<JailTools> {
  const bwrap = await requireProgram("bwrap", searchPath);
  const nsenter = await requireProgram("nsenter", searchPath);
  return { bwrap, nsenter, searchPath };
}

/** Starts the VMM and its guest; leaves nothing when that fails or is aborted. Throws `vmm.failed`, or the signal's reason. */
export async function startJailed(vmm: JailedVmm): Promise<VmmProcess> {
  const { driver, spec, signal } = vmm;
  signal.throwIfAborted();
  const launched = await launchJailed(vmm);
  try {
    await vmm.boot(launched);
    return { driver, accelerator: spec.accelerator, vmDir: spec.vmDir, vmm: launched.vmm, jail: launched.jail };
  } catch (error) {
    await killJail(launched);
    await removeSockets(spec.vmDir, vmm.sockets);
    signal.throwIfAborted();
    throw error;
  }
}

/** The stream that `open` makes to the guest of `vmm`. Throws `guest.unreachable`, or the signal's reason. */
export async function openChannel(vmm: string, signal: AbortSignal, open: () => Promise<Duplex>): Promise<Duplex> {
  try {
    return await open();
  } catch (error) {
    signal.throwIfAborted();
    throw new BangerError("guest.unreachable", `${vmm}'s channel to the guest cannot be opened: ${String(error)}`, { cause: error });
  }
}

/** Prepares the VM's directory and starts the VMM. */
async function launchJailed(vmm: JailedVmm): Promise<Launched> {
  const { spec, runAs } = vmm;
  const lent = runAs !== null && spec.accelerator === "kvm" ? withKvmGroup(runAs, await kvmNode()) : runAs;
  const running = findLaunched(spec.vmDir, spec.vmId);
  // Two VMMs on one data disk destroy it.
  if (running !== undefined) throw new BangerError("vmm.failed", `a VMM for ${spec.vmId} is running already (process ${running.vmm.pid})`);
  await prepareRunDirectory(spec.vmDir, runAs, vmm.sockets);
  vmm.prepare();
  for (const disk of spec.disks) if (!disk.readOnly) giveFile(disk.path, runAs);
  writeLaunchNote(spec.vmDir, { vmId: spec.vmId, driver: vmm.driver, accelerator: spec.accelerator });
  const argv = planJail({
    program: vmm.program.argv,
    env: vmm.program.env,
    binds: [...vmm.program.binds, ...vmm.binds, ...vmBinds(spec, vmm.kernel)],
    network: jailNetwork(spec.nic, spec.namespace),
    runAs: lent,
    tools: vmm.tools,
    endsWithStarter: spec.isEphemeral ?? false,
    statusFd: STATUS_FD,
  });
  return launch({ vmDir: spec.vmDir, argv, searchPath: vmm.tools.searchPath, signal: vmm.signal });
}

/** The files and devices of one VM, at the paths all jails share. */
function vmBinds(spec: VmmSpec, kernel: string): readonly Bind[] {
  return [
    { source: kernel, target: JAIL.kernel, access: "ro" },
    { source: spec.boot.initramfs, target: JAIL.initramfs, access: "ro" },
    ...spec.disks.map((disk): Bind => ({ source: disk.path, target: `${JAIL.disks}/${disk.id}`, access: disk.readOnly ? "ro" : "rw" })),
    { source: vmFiles(spec.vmDir).run, target: JAIL.run, access: "rw" },
    ...deviceBinds({ kvm: spec.accelerator === "kvm", tun: spec.nic !== null }),
  ];
}
