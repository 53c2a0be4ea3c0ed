// Which kernel modules the first root must bring along, and in what order they load. Pure.

/** Modules between the kernel's start and the image's root: buses, devices, file systems. Names with `_`, as the kernel has them. */
export const BOOT_MODULES = [
  "virtio_pci",
  "virtio_mmio",
  "virtio_blk",
  "virtio_net",
  "virtio_console",
  "virtio_rng",
  "vmw_vsock_virtio_transport",
  "squashfs",
  "overlay",
  "ext4",
] as const;

export interface ModuleIndexes {
  /** Text of modules.dep: `PATH: DEPENDENCY…`, the direct and indirect ones. See modules.dep(5). */
  readonly dep: string;
  /** Text of modules.builtin: paths of what is not a module in this kernel. */
  readonly builtin: string;
}

/**
 * Paths, relative to lib/modules/RELEASE, of `wanted` and all they depend on, each after its own dependencies. What is built
 * into the kernel is left out; `missing` names what the kernel does not have at all.
 */
export function bootModuleOrder(
  wanted: readonly string[],
  indexes: ModuleIndexes,
): { readonly order: string[]; readonly missing: string[] } {
  const dependencies = parseDependencies(indexes.dep);
  const pathByName = new Map([...dependencies.keys()].map((path) => [moduleName(path), path]));
  const builtin = new Set(
    indexes.builtin
      .split("\n")
      .filter((line) => line !== "")
      .map(moduleName),
  );
  const order = new Set<string>();
  const missing: string[] = [];

  const add = (path: string, ancestors: readonly string[]) => {
    if (order.has(path) || ancestors.includes(path)) return;
    for (const dependency of dependencies.get(path) ?? []) add(dependency, [...ancestors, path]);
    order.add(path);
  };
  for (const name of wanted) {
    const path = pathByName.get(name);
    if (path !== undefined) add(path, []);
    else if (!builtin.has(name)) missing.push(name);
  }
  return { order: [...order], missing };
}

/** The kernel's name of the module in a file: `kernel/drivers/char/hw_random/virtio-rng.ko` is `virtio_rng`. */
export function moduleName(path: string): string {
  return path
    .slice(path.lastIndexOf("/") + 1)
    .replace(/\.ko(\.(gz|xz|zst))?$/, "")
    .replaceAll("-", "_");
}

function parseDependencies(dep: string): Map<string, string[]> {
  const entries = new Map<string, string[]>();
  for (const line of dep.split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0)
      entries.set(
        line.slice(0, colon),
        line
          .slice(colon + 1)
          .split(" ")
          .filter((path) => path !== ""),
      );
  }
  return entries;
}
