// Turns the kernel that a recipe took from its signed package into the files VMs boot from.
// What comes in is described in images/README.md.
import { BangerError } from "@banger/api";
import { BOOT_MODULES, bootModuleOrder } from "./boot-modules.ts";
import { modulesArchive } from "./initramfs.ts";
import { readTarMembers } from "./tar-members.ts";
import { extractVmlinux } from "./vmlinux.ts";

const MIB = 1024 * 1024;
/** Releases become directory names. */
const RELEASE = /^[0-9][A-Za-z0-9.+~_-]{0,99}$/;

export interface Kernel {
  readonly release: string;
  readonly bzImage: Buffer;
  readonly vmlinux: Buffer;
  /** The initramfs' part with the modules it needs. */
  readonly bootModules: Buffer;
}

export interface KernelTars {
  /** `./vmlinuz` and `./release`. */
  readonly kernelTar: string;
  /** The content of lib/modules/RELEASE, indexes included, modules uncompressed. */
  readonly modulesTar: string;
}

/** The kernel of a build. Throws `image.build_failed` when something a guest needs is not in it. */
export async function readKernel({ kernelTar, modulesTar }: KernelTars, signal: AbortSignal): Promise<Kernel> {
  const kernel = await readTarMembers(kernelTar, (name) => name === "vmlinuz" || name === "release", { maxBytes: 128 * MIB, signal });
  const release = member(kernel, "release", kernelTar).toString("utf8").trim();
  if (!RELEASE.test(release)) throw new BangerError("image.build_failed", `${JSON.stringify(release)} is not a kernel release`);
  const bzImage = member(kernel, "vmlinuz", kernelTar);
  const bootModules = await readBootModules(modulesTar, signal);
  return { release, bzImage, vmlinux: await extractVmlinux(bzImage), bootModules };
}

async function readBootModules(modulesTar: string, signal: AbortSignal): Promise<Buffer> {
  const indexes = await readTarMembers(modulesTar, (name) => name === "modules.dep" || name === "modules.builtin", {
    maxBytes: 16 * MIB,
    signal,
  });
  const { order, missing } = bootModuleOrder(BOOT_MODULES, {
    dep: member(indexes, "modules.dep", modulesTar).toString("utf8"),
    builtin: member(indexes, "modules.builtin", modulesTar).toString("utf8"),
  });
  if (missing.length > 0) throw new BangerError("image.build_failed", `the kernel lacks modules that a guest needs: ${missing.join(", ")}`);
  const files = await readTarMembers(modulesTar, (name) => order.includes(name), { maxBytes: 64 * MIB, signal });
  return modulesArchive(order.map((path) => ({ name: path.slice(path.lastIndexOf("/") + 1), data: member(files, path, modulesTar) })));
}

function member(members: ReadonlyMap<string, Buffer>, name: string, tar: string): Buffer {
  const data = members.get(name);
  if (data === undefined) throw new BangerError("image.build_failed", `the build's ${tar} has no ${name}`);
  return data;
}
