// The real agent in a real VM, for tests: QEMU without a jail, from the files of BANGER_TEST_BOOT_DIR (scripts/test-boot-files.ts).
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "@banger/host";
import { connectGuest } from "./client.ts";
import { BULK_DISK, type GuestClient } from "./contract.ts";
import { guestConfiguration } from "./configuration.ts";
import { generateSshKey } from "./openssh-key.ts";

export interface QemuGuest extends AsyncDisposable {
  connect(timeoutMs?: number): Promise<GuestClient>;
  /** Cuts the latest connection's byte stream. */
  cut(): void;
  /** Resolves when QEMU has ended. */
  readonly ended: Promise<void>;
  console(): Promise<string>;
}

export interface QemuGuestOptions {
  /** Has `bzImage` and `initramfs.cpio`. */
  readonly bootDir: string;
  /** A squashfs to be the guest's base; without it the boot is a probe. */
  readonly baseImage?: string;
}

const BOOT_MS = 90_000;

export async function bootQemu({ bootDir, baseImage }: QemuGuestOptions): Promise<QemuGuest> {
  const directory = await mkdtemp(join(tmpdir(), "banger-qemu-"));
  const socket = join(directory, "agent.sock");
  const console = join(directory, "console.log");
  const bulkDisk = join(directory, "bulk.raw");
  await writeFile(bulkDisk, "");
  await truncate(bulkDisk, BULK_DISK.bytes);
  const disks = baseImage === undefined ? [] : [`${baseImage},readonly=on`, await dataDisk(directory)];
  const kernelArguments = [
    "console=ttyS0 quiet tsc=reliable random.trust_cpu=on mitigations=off i8042.noaux i8042.nokbd no_timer_check cryptomgr.notests",
    "net.ifnames=0 apparmor=0 panic=-1 banger.channel=serial",
    ...(baseImage === undefined ? ["banger.probe"] : []),
  ];
  const child = spawn(
    "qemu-system-x86_64",
    [
      ...["-accel", "tcg,thread=multi", "-cpu", "max", "-M", "q35", "-smp", "2", "-m", "1024"],
      ...["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", `file:${console}`],
      ...["-kernel", join(bootDir, "bzImage"), "-initrd", join(bootDir, "initramfs.cpio"), "-append", kernelArguments.join(" ")],
      ...["-chardev", `socket,id=agent,path=${socket},server=on,wait=off`],
      ...["-device", "virtio-serial-pci", "-device", "virtserialport,chardev=agent,name=banger.agent"],
      ...[...disks, `${bulkDisk},readonly=on`].flatMap((disk, at, { length }) => [
        ...["-drive", `if=none,id=disk${at},format=raw,file=${disk}`],
        ...["-device", `virtio-blk-pci,drive=disk${at},serial=${at === length - 1 ? "bulk" : at}`],
      ]),
    ],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  return machine({ child, directory, socket, console, bulkDisk });
}

interface Machine {
  readonly child: ChildProcess;
  readonly directory: string;
  readonly socket: string;
  readonly console: string;
  readonly bulkDisk: string;
}

function machine({ child, directory, socket, console, bulkDisk }: Machine): QemuGuest {
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  let latest: Socket | undefined;
  const open = async (signal: AbortSignal): Promise<Socket> => {
    if (child.exitCode !== null) throw new Error("QEMU has ended");
    latest = connect({ path: socket, allowHalfOpen: true });
    await once(latest, "connect", { signal });
    return latest;
  };
  return {
    ended,
    connect: (timeoutMs = BOOT_MS) => connectGuest({ kind: "serial", open, bulkDisk, signal: new AbortController().signal, timeoutMs }),
    cut: () => latest?.destroy(),
    console: () => readFile(console, "utf8"),
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await ended;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function dataDisk(directory: string): Promise<string> {
  const path = join(directory, "data.ext4");
  await run(["mkfs.ext4", "-q", "-m", "0", "-E", "nodiscard", path, "1G"]);
  return path;
}

/** Gives a machine with a base image its identity; the agent stays process 1, which boots any image. */
export async function configureQemu(client: GuestClient): Promise<void> {
  await client.configure(
    guestConfiguration({
      vm: { id: "0123456789abcdef", name: "sandbox", network: null },
      subnet: { gateway: "172.16.0.1", prefixLength: 24, resolver: "172.16.0.1" },
      disks: [{ id: "base" }, { id: "data" }],
      image: { baseType: "squashfs", env: [] },
      hostKey: generateSshKey("sandbox"),
      authorizedKeys: [],
      git: null,
      init: "none",
      nowUnixMs: Date.now(),
    }),
  );
}
