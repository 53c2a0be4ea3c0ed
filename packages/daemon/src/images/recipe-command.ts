// The command lines of a recipe's build. Pure; images/README.md says why each argument is there.
import type { Recipe, SquashfsOptions } from "./recipe-schema.ts";

/** Files in the build's working directory, by the names the command lines use. */
export const WORK_FILES = {
  overlay: "overlay.tar",
  sources: "host.list",
  aptOptions: "host-apt.conf",
  root: "root.tar",
  kernel: "kernel.tar",
  modules: "modules.tar",
  packages: "packages.tsv",
  rootSquashfs: "root.squashfs",
  modulesSquashfs: "modules.squashfs",
} as const;

/** What the host adds to a build: see host-apt.ts. */
export interface HostAptFiles {
  readonly sources: boolean;
  readonly aptOptions: boolean;
}

const LIST_PACKAGES = String.raw`chroot "$1" dpkg-query -W -f "\${Package}\t\${Version}\t\${Architecture}\n" > "$1/.banger/out/packages.tsv"`;

/** mmdebstrap's argv, to be run in the working directory. */
export function mmdebstrapCommand(recipe: Recipe, host: HostAptFiles): string[] {
  const hooks = [
    `tar-in ${WORK_FILES.overlay} /`,
    `sh "$1/.banger/${recipe.kernel.script}" "$1" ${recipe.kernel.package}`,
    ...recipe.customize.map((script) => `sh "$1/.banger/${script}" "$1"`),
    LIST_PACKAGES,
    `download /.banger/out/packages.tsv ${WORK_FILES.packages}`,
    `download /.banger/out/kernel.tar ${WORK_FILES.kernel}`,
    `download /.banger/out/modules.tar ${WORK_FILES.modules}`,
    'rm -rf "$1/.banger"',
  ];
  return [
    "mmdebstrap",
    "--verbose",
    "--mode=unshare",
    `--variant=${recipe.variant}`,
    "--format=tar",
    `--architectures=${recipe.arch}`,
    `--components=${recipe.components.join(",")}`,
    ...(recipe.packages.length === 0 ? [] : [`--include=${recipe.packages.join(",")}`]),
    ...(host.aptOptions ? [`--aptopt=${WORK_FILES.aptOptions}`] : []),
    ...recipe.pathExcludes.map((pattern) => `--dpkgopt=path-exclude=${pattern}`),
    ...recipe.pathIncludes.map((pattern) => `--dpkgopt=path-include=${pattern}`),
    ...hooks.map((hook) => `--customize-hook=${hook}`),
    recipe.suite,
    WORK_FILES.root,
    ...(host.sources ? [WORK_FILES.sources] : []),
  ];
}

/** tar2sqfs' argv; the tar comes on standard input. Unlike squashfs-tools 4.5 it takes a compression level for a tar. */
export function squashfsCommand(options: SquashfsOptions, output: string): string[] {
  return [
    "tar2sqfs",
    "--quiet",
    `--compressor=${options.compression}`,
    ...(options.compression === "zstd" ? [`--comp-extra=level=${options.level}`] : []),
    `--block-size=${options.blockSizeKib * 1024}`,
    output,
  ];
}
