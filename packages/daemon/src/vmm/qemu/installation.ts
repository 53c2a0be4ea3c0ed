// QEMU as it is installed on this host: the program, what it loads by name, and the firmware it boots with.
import { access, readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { BangerError, installCommand, packagesOf, readOsRelease } from "@banger/api";
import { findProgram, run } from "@banger/host";
import type { Bind } from "../jail.ts";
import { JAIL } from "../jail.ts";
import { parseLdd, resolveProgram, type Program } from "../program.ts";

const QEMU = "qemu-system-x86_64";
/** `-action` and the -blockdev options used here are all older; below this nothing was tried. */
const OLDEST = 6;

/** SeaBIOS, KVM's option ROM, and the loaders of -kernel. */
const FIRMWARE = ["bios-256k.bin", "kvmvapic.bin", "linuxboot_dma.bin", "linuxboot.bin"] as const;

export interface QemuInstallation {
  /** Absolute path. */
  readonly qemu: string;
  readonly binds: readonly Bind[];
  readonly env: Program["env"];
}

/** Absolute path of QEMU. Throws `vmm.missing`. */
export async function findQemu(searchPath: string): Promise<string> {
  const found = await findProgram(QEMU, searchPath);
  if (found === undefined) throw new BangerError("vmm.missing", `${QEMU} is not installed`, { hint: howToInstall() });
  return found;
}

/** Version out of `--version`'s first line. Throws `vmm.unsupported` when it is too old or none. */
export function checkQemuVersion(output: string): string {
  const version = /version (\d+)\.(\d+)\.(\d+)/.exec(output);
  if (version === null) throw new BangerError("vmm.unsupported", `qemu-system-x86_64 does not tell its version: ${output.slice(0, 80)}`);
  if (Number(version[1]) < OLDEST) {
    throw new BangerError("vmm.unsupported", `QEMU ${version[0].slice(8)} is too old: ${OLDEST}.0 or newer is needed`, {
      hint: howToInstall(),
    });
  }
  return version[0].slice("version ".length);
}

/** Version of the QEMU at `qemu`. Throws `vmm.unsupported`. */
export async function qemuVersion(qemu: string): Promise<string> {
  return checkQemuVersion((await run([qemu, "--version"], { timeoutMs: 10_000 })).stdout);
}

/** What the QEMU at `qemu` is made of. */
export async function qemuInstallation(qemu: string): Promise<QemuInstallation> {
  const [modules, firmware] = await Promise.all([acceleratorModules(qemu), findFirmware(qemu)]);
  const program = await resolveProgram(qemu, modules);
  const moduleBinds = modules.map((source): Bind => ({ source, target: `${JAIL.modules}/${basename(source)}`, access: "ro" }));
  return { qemu, binds: [...program.binds, ...moduleBinds, ...firmware], env: { QEMU_MODULE_DIR: JAIL.modules } };
}

/** Distributions build TCG as a module beside QEMU's libraries: it is loaded by name and so is unknown to the linker. */
async function acceleratorModules(qemu: string): Promise<readonly string[]> {
  const libraries = parseLdd((await run(["ldd", qemu])).stdout);
  const directories = [...new Set(libraries.map((library) => join(dirname(library), "qemu")))];
  const found = await Promise.all(directories.map(modulesIn));
  return found.flat();
}

async function modulesIn(directory: string): Promise<readonly string[]> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return [];
    throw error;
  });
  return names.filter((name) => /^accel-tcg-(?:x86_64|i386)\.so$/.test(name)).map((name) => join(directory, name));
}

async function findFirmware(qemu: string): Promise<readonly Bind[]> {
  const directories = (await run([qemu, "-L", "help"], { timeoutMs: 10_000 })).stdout.split("\n").filter(Boolean);
  const found = await Promise.all(FIRMWARE.map((name) => firstFile(directories, name)));
  return found.filter((bind) => bind !== undefined);
}

async function firstFile(directories: readonly string[], name: string): Promise<Bind | undefined> {
  for (const directory of directories) {
    const source = join(directory, name);
    const isThere = await access(source).then(
      () => true,
      () => false,
    );
    if (isThere) return { source, target: `${JAIL.firmware}/${name}`, access: "ro" };
  }
  return undefined;
}

function howToInstall(): string {
  return installCommand(packagesOf([QEMU]), readOsRelease());
}
