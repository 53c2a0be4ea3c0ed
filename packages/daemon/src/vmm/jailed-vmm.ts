// What every driver does to put its VMM into the jail: from the spec of a VM to the binds, the launch and the record of it.
import { BangerError, type DriverName } from "@banger/api";
import type { RunAs } from "@banger/host";
import type { VmmProcess, VmmSpec } from "./contract.ts";
import { deviceBinds, JAIL, jailNetwork, planJail, type Bind, type JailTools } from "./jail.ts";
import { writeLaunchNote } from "./launch-note.ts";
import { findLaunched, launch, STATUS_FD, type Launched } from "./launcher.ts";
import { requireProgram, type Program } from "./program.ts";
import { giveFile, prepareRunDirectory, vmFiles } from "./vm-directory.ts";

export interface JailedVmm {
  readonly driver: DriverName;
  readonly spec: VmmSpec;
  readonly program: Program;
  readonly kernel: string;
  /** Beyond the program, the boot files, disks, run directory and devices. */
  readonly binds: readonly Bind[];
  readonly sockets: readonly string[];
  readonly runAs: RunAs | null;
  readonly tools: JailTools;
  readonly signal: AbortSignal;
}

/** Absolute paths of the jail's programs. Throws `host.command_missing`. */
export async function findJailTools(searchPath: string): Promise<JailTools> {
  const bwrap = await requireProgram("bwrap", searchPath, "sudo apt install bubblewrap");
  const nsenter = await requireProgram("nsenter", searchPath, "sudo apt install util-linux");
  return { bwrap, nsenter, searchPath };
}

/** Prepares the VM's directory and starts the VMM. Throws `vmm.failed`. */
export async function startJailed(vmm: JailedVmm): Promise<Launched> {
  const { spec, runAs } = vmm;
  vmm.signal.throwIfAborted();
  const running = findLaunched(spec.vmDir, spec.vmId);
  // Two VMMs on one data disk destroy it.
  if (running !== undefined) throw new BangerError("vmm.failed", `a VMM for ${spec.vmId} is running already (process ${running.vmm.pid})`);
  prepareRunDirectory(spec.vmDir, runAs, vmm.sockets);
  for (const disk of spec.disks) if (!disk.readOnly) giveFile(disk.path, runAs);
  writeLaunchNote(spec.vmDir, { vmId: spec.vmId, driver: vmm.driver, accelerator: spec.accelerator });
  const argv = planJail({
    program: vmm.program.argv,
    env: vmm.program.env,
    binds: [...vmm.program.binds, ...vmm.binds, ...vmBinds(spec, vmm.kernel)],
    network: jailNetwork(spec.nic, spec.namespace),
    runAs,
    tools: vmm.tools,
    endsWithStarter: spec.isEphemeral ?? false,
    statusFd: STATUS_FD,
  });
  return launch({ vmDir: spec.vmDir, argv, searchPath: vmm.tools.searchPath, signal: vmm.signal });
}

export function recordOf(driver: DriverName, spec: VmmSpec, launched: Launched): VmmProcess {
  return { driver, accelerator: spec.accelerator, vmDir: spec.vmDir, vmm: launched.vmm, jail: launched.jail };
}

/** The files and devices of one VM, at the paths all jails share. */
export function vmBinds(spec: VmmSpec, kernel: string): readonly Bind[] {
  return [
    { source: kernel, target: JAIL.kernel, access: "ro" },
    { source: spec.boot.initramfs, target: JAIL.initramfs, access: "ro" },
    ...spec.disks.map((disk): Bind => ({ source: disk.path, target: `${JAIL.disks}/${disk.id}`, access: disk.readOnly ? "ro" : "rw" })),
    { source: vmFiles(spec.vmDir).run, target: JAIL.run, access: "rw" },
    ...deviceBinds({ kvm: spec.accelerator === "kvm", tun: spec.nic !== null }),
  ];
}
