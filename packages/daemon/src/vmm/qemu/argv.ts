// QEMU's command line for a VM, pure. All paths are the jail's. q35 everywhere: `-M microvm` under TCG loses a timer tick and
// hangs in about a boot of four.
import type { AcceleratorName } from "@banger/api";
import type { VmmDisk, VmmNic, VmmSpec } from "../contract.ts";
import { JAIL } from "../jail.ts";
import { kernelArguments } from "../kernel-arguments.ts";

/** Names of QEMU's sockets in the run directory. */
export const QEMU_SOCKETS = { agent: "agent.sock", qmp: "qmp.sock", events: "events.sock" } as const;

type QemuSpec = Pick<VmmSpec, "vmId" | "vcpu" | "memoryMib" | "kernelArguments" | "disks" | "nic" | "accelerator">;

/** Arguments for the program at `qemu`; `tscKhz` is the frequency of the host's time stamp counter, where it is known. */
export function planQemu(qemu: string, spec: QemuSpec, tscKhz?: number): readonly string[] {
  const { accelerator, kernelArguments: extra } = spec;
  return [
    qemu,
    ...["-name", spec.vmId],
    ...["-nodefaults", "-no-user-config", "-display", "none", "-L", JAIL.firmware],
    ...machine(accelerator),
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

const MACHINES = {
  kvm: ["-accel", "kvm", "-cpu", "host"],
  // tb-size bounds what QEMU keeps of translated code, in MiB; by itself it goes up to 1024. With 128 a build in the guest took half
  // as long again, with more than 256 nothing was faster.
  //
  // ERMS promises that moving and filling memory by the byte is fast. Emulated it is eight times slower than by the word, which is
  // what kernel and C library do without that promise.
  tcg: ["-accel", "tcg,thread=multi,tb-size=256", "-cpu", "max,erms=off"],
} as const satisfies Record<AcceleratorName, readonly string[]>;

function machine(accelerator: AcceleratorName): readonly string[] {
  return [...MACHINES[accelerator], "-M", "q35,usb=off,vmport=off,smbus=off,sata=off,hpet=off"];
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
