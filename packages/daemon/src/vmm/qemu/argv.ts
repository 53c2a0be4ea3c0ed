// QEMU's command line for a VM, pure. All paths are the jail's. q35 everywhere: `-M microvm` under TCG loses a timer tick and
// hangs in about a boot of four.
import type { VmmDisk, VmmNic, VmmSpec } from "../contract.ts";
import { JAIL } from "../jail.ts";
import { kernelArguments } from "../kernel-arguments.ts";
import { emulation } from "./emulation.ts";

/** Names of QEMU's sockets in the run directory. */
export const QEMU_SOCKETS = { agent: "agent.sock", qmp: "qmp.sock", events: "events.sock" } as const;

type QemuSpec = Pick<VmmSpec, "vmId" | "vcpu" | "memoryMib" | "kernelArguments" | "disks" | "nic" | "accelerator">;

export interface QemuProgram {
  /** Where it lies inside the jail. */
  readonly path: string;
  /** As `qemu-system-x86_64 --version` tells it: "7.2.22". */
  readonly version: string;
  /** Frequency of the host's time stamp counter, where it is known. */
  readonly tscKhz?: number | undefined;
}

export function planQemu({ path, version, tscKhz }: QemuProgram, spec: QemuSpec): readonly string[] {
  const { accelerator, kernelArguments: extra } = spec;
  return [
    path,
    ...["-name", spec.vmId],
    ...["-nodefaults", "-no-user-config", "-display", "none", "-L", JAIL.firmware],
    ...machine(spec, version),
    ...["-smp", String(spec.vcpu), "-m", String(spec.memoryMib)],
    ...["-kernel", JAIL.kernel, "-initrd", JAIL.initramfs],
    ...["-append", kernelArguments({ accelerator, channel: "serial", tscKhz, extra })],
    // The console is QEMU's stdout, a file opened for appending; stdin is empty.
    ...["-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"],
    ...["-chardev", serverSocket("qmp", QEMU_SOCKETS.qmp), "-mon", "chardev=qmp,mode=control"],
    // A monitor serves one client at a time: who listens for events would keep out who has something to say.
    ...["-chardev", serverSocket("events", QEMU_SOCKETS.events), "-mon", "chardev=events,mode=control"],
    ...[
      "-chardev",
      serverSocket("agent", QEMU_SOCKETS.agent),
      "-device",
      "virtio-serial-pci",
      "-device",
      "virtserialport,chardev=agent,name=banger.agent",
    ],
    ...spec.disks.flatMap(disk),
    ...(spec.nic === null ? [] : nic(spec.nic)),
    ...["-object", "rng-builtin,id=rng", "-device", "virtio-rng-pci,rng=rng"],
    // A reset or a panic ends the VMM; whoever waits for it decides what comes next.
    ...["-no-reboot", "-action", "panic=exit-failure"],
    ...["-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"],
  ];
}

function machine({ accelerator, vcpu }: QemuSpec, version: string): readonly string[] {
  const processors = accelerator === "kvm" ? ["-accel", "kvm", "-cpu", "host"] : emulation({ vcpu, version });
  return [...processors, "-M", "q35,usb=off,vmport=off,smbus=off,sata=off,hpet=off"];
}

function serverSocket(id: string, name: string): string {
  return `socket,id=${id},path=${JAIL.run}/${name},server=on,wait=off`;
}

function disk(entry: VmmDisk): readonly string[] {
  const path = `${JAIL.disks}/${entry.id}`;
  const access = entry.readOnly ? "read-only=on" : "discard=unmap";
  return [
    ...["-blockdev", `driver=raw,node-name=${entry.id},${access},file.driver=file,file.filename=${path}`],
    // The guest names its disks by serial.
    // Where the host has no room for a write the guest is stopped until there is: it loses nothing, and sees no error.
    ...["-device", `virtio-blk-pci,drive=${entry.id},serial=${entry.id}${entry.readOnly ? "" : ",werror=enospc"}`],
  ];
}

function nic(entry: VmmNic): readonly string[] {
  return [
    ...["-netdev", `tap,id=net,ifname=${entry.tap},script=no,downscript=no`],
    // No boot from the network: without a ROM there is nothing to load or to emulate.
    ...["-device", `virtio-net-pci,netdev=net,mac=${entry.mac},romfile=`],
  ];
}
