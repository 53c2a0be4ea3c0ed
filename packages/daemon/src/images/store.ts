// The images that are here. A base file is named by its content and never written again; a name points to a manifest, and
// VMs hold on to the manifest's digest, whatever the name points to later.
//   images/bases/SHA256.squashfs      base files
//   images/manifests/SHA256.json      what is known of each
//   images/names/NAME.json            which one a name means
//   images/builds/                    builds under way, see scratch.ts
//   kernels/RELEASE-ID/               bzImage, vmlinux, modules.squashfs, modules.cpio, initramfs-*.cpio
// Nothing refers to a file before it is complete, and the name comes last, so a crash leaves at most files nobody refers to.
import { createHash } from "node:crypto";
import { readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { BangerError } from "@banger/api";
import { KeyedMutex, removeTree, writeFileAtomic } from "@banger/host";
import { readForeignChunks } from "./foreign-file.ts";
import type { Kernel } from "./kernels.ts";
import { DIGEST_PREFIX, digestOf, manifestSchema, type Manifest, type StoredFile } from "./manifest.ts";
import { unlessMissing } from "./missing.ts";
import { digestBytes, digestFile, makeStoreDirectory, writeStoredFile, type FileDigest } from "./stored-file.ts";

export interface StoreDirectories {
  readonly imagesDir: string;
  readonly kernelsDir: string;
}

/** What a build gave and what is to be said of it. */
export interface NewImage extends Pick<Manifest, "name" | "arch" | "origin" | "recipeDigest" | "createdAt" | "format" | "env"> {
  /** On the host, to be copied. */
  readonly basePath: string;
  readonly modulesSquashfs: string;
  readonly kernel: Kernel;
}

export interface ImageFiles {
  readonly base: string;
  readonly kernelDir: string;
  readonly bzImage: string;
  readonly vmlinux: string;
  readonly modules: string;
  readonly bootModules: string;
}

const pointerSchema = z.object({ digest: z.string().startsWith(DIGEST_PREFIX) });

export class ImageStore {
  readonly #bases: string;
  readonly #manifests: string;
  readonly #names: string;
  readonly #kernels: string;
  /** Changes of what refers to what, one at a time: a collection never sees half a publication. */
  readonly #changes = new KeyedMutex();
  /** Files whose digest was taken again by this daemon, with the time they had. */
  readonly #verified = new Map<string, number>();

  constructor({ imagesDir, kernelsDir }: StoreDirectories) {
    this.#bases = join(imagesDir, "bases");
    this.#manifests = join(imagesDir, "manifests");
    this.#names = join(imagesDir, "names");
    this.#kernels = kernelsDir;
  }

  /** Copies a build's files in and points the image's name to them. */
  async publish(image: NewImage, signal: AbortSignal): Promise<Manifest> {
    using _lock = await this.#changes.lock("store", signal);
    const { basePath, modulesSquashfs, kernel, ...said } = image;
    const [base, modules] = [await digestFile(basePath, signal), await digestFile(modulesSquashfs, signal)];
    const bzImage = digestBytes(kernel.bzImage);
    const bootModules = digestBytes(kernel.bootModules);
    const kernelDir = join(this.#kernels, kernelDirName(kernel.release, { bzImage, modules, bootModules }));
    const write = async (path: string, content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, expected: FileDigest) => {
      await writeStoredFile(path, content, { signal, expected });
      return { ...expected, mtimeMs: (await stat(path)).mtimeMs };
    };
    const manifest: Manifest = {
      manifestVersion: 1,
      ...said,
      base: await write(this.#basePath(base.sha256, said.format), readForeignChunks(basePath), base),
      kernel: {
        release: kernel.release,
        bzImage: await write(join(kernelDir, KERNEL_FILES.bzImage), [kernel.bzImage], bzImage),
        vmlinux: await write(join(kernelDir, KERNEL_FILES.vmlinux), [kernel.vmlinux], digestBytes(kernel.vmlinux)),
        modules: await write(join(kernelDir, KERNEL_FILES.modules), readForeignChunks(modulesSquashfs), modules),
        bootModules: await write(join(kernelDir, KERNEL_FILES.bootModules), [kernel.bootModules], bootModules),
      },
    };
    await this.#point(manifest);
    return manifest;
  }

  /** The image of a name, or undefined. Throws `image.corrupt` when what is written of it cannot be read. */
  async named(name: string): Promise<Manifest | undefined> {
    const text = await unlessMissing(readFile(join(this.#names, `${name}.json`), "utf8"));
    if (text === undefined) return undefined;
    const manifest = await this.#manifest(parsed(pointerSchema, text, name).digest, name);
    if (manifest === undefined) throw corrupt(name, "its manifest is missing");
    return manifest;
  }

  /** The image of a digest, also when no name points to it any more. */
  async byDigest(digest: string): Promise<Manifest | undefined> {
    return this.#manifest(digest, digest);
  }

  async names(): Promise<string[]> {
    return jsonNames(this.#names);
  }

  files(manifest: Manifest): ImageFiles {
    const kernelDir = join(this.#kernels, kernelDirName(manifest.kernel.release, manifest.kernel));
    return {
      base: this.#basePath(manifest.base.sha256, manifest.format),
      kernelDir,
      bzImage: join(kernelDir, KERNEL_FILES.bzImage),
      vmlinux: join(kernelDir, KERNEL_FILES.vmlinux),
      modules: join(kernelDir, KERNEL_FILES.modules),
      bootModules: join(kernelDir, KERNEL_FILES.bootModules),
    };
  }

  /**
   * Looks whether the image's files are what they were: their sizes always, their content once after each change of a file's
   * time. Throws `image.corrupt`.
   */
  async verify(manifest: Manifest): Promise<void> {
    const { base, bzImage, vmlinux, modules, bootModules } = this.files(manifest);
    const { kernel } = manifest;
    const wanted: readonly (readonly [string, StoredFile])[] = [
      [base, manifest.base],
      [bzImage, kernel.bzImage],
      [vmlinux, kernel.vmlinux],
      [modules, kernel.modules],
      [bootModules, kernel.bootModules],
    ];
    for (const [path, expected] of wanted) {
      const damage = await this.#damage(path, expected);
      if (damage !== undefined) throw corrupt(manifest.name, damage);
    }
  }

  /** Takes the name back. `check` may refuse by throwing; nothing is published or collected meanwhile. */
  async unname(name: string, check: () => void): Promise<void> {
    using _lock = await this.#changes.lock("store");
    check();
    await rm(join(this.#names, `${name}.json`), { force: true });
  }

  /**
   * Removes images without a name that no VM is on, files that nothing refers to, and what was never finished. While a manifest
   * cannot be read nothing is removed: it may be the one that a VM's files are known by.
   */
  async collect(inUse: (digest: string) => readonly string[]): Promise<void> {
    using _lock = await this.#changes.lock("store");
    const named = new Set<string>();
    for (const name of await this.names()) {
      const text = await readFile(join(this.#names, `${name}.json`), "utf8");
      const pointer = pointerSchema.safeParse(parsedJson(text));
      if (pointer.success) named.add(pointer.data.digest);
    }
    const kept: Manifest[] = [];
    for (const hex of await jsonNames(this.#manifests)) {
      const digest = `${DIGEST_PREFIX}${hex}`;
      const isWanted = named.has(digest) || inUse(digest).length > 0;
      if (!isWanted) await rm(join(this.#manifests, `${hex}.json`));
      else {
        const text = await readFile(join(this.#manifests, `${hex}.json`), "utf8");
        const manifest = manifestSchema.safeParse(parsedJson(text));
        if (!manifest.success) return;
        kept.push(manifest.data);
      }
    }
    await this.#removeAllBut(kept);
  }

  async #removeAllBut(kept: readonly Manifest[]): Promise<void> {
    const files = kept.map((manifest) => this.files(manifest));
    const paths = new Set(files.flatMap(({ base, kernelDir }) => [base, kernelDir]));
    for (const directory of [this.#bases, this.#kernels]) {
      for (const name of await namesIn(directory)) {
        const path = join(directory, name);
        if (!paths.has(path)) await removeTree(path, directory);
      }
    }
    for (const directory of [this.#manifests, this.#names, ...files.map(({ kernelDir }) => kernelDir)]) {
      for (const name of await namesIn(directory)) {
        if (UNFINISHED.test(name)) await rm(join(directory, name), { force: true });
      }
    }
  }

  async #point(manifest: Manifest): Promise<void> {
    await makeStoreDirectory(this.#manifests);
    await makeStoreDirectory(this.#names);
    const digest = digestOf(manifest);
    await writeFileAtomic(this.#manifestPath(digest), JSON.stringify(manifest, null, 2));
    await writeFileAtomic(join(this.#names, `${manifest.name}.json`), JSON.stringify({ digest }));
  }

  async #manifest(digest: string, name: string): Promise<Manifest | undefined> {
    const text = await unlessMissing(readFile(this.#manifestPath(digest), "utf8"));
    return text === undefined ? undefined : parsed(manifestSchema, text, name);
  }

  async #damage(path: string, expected: StoredFile): Promise<string | undefined> {
    const found = await unlessMissing(stat(path));
    if (found === undefined) return `${path} is missing`;
    if (found.size !== expected.sizeBytes) return `${path} has ${found.size} bytes instead of ${expected.sizeBytes}`;
    if (found.mtimeMs === expected.mtimeMs || found.mtimeMs === this.#verified.get(path)) return undefined;
    const { sha256 } = await digestFile(path);
    if (sha256 !== expected.sha256) return `the content of ${path} has changed`;
    this.#verified.set(path, found.mtimeMs);
    return undefined;
  }

  #basePath(sha256: string, format: Manifest["format"]): string {
    return join(this.#bases, `${sha256}.${format}`);
  }

  #manifestPath(digest: string): string {
    return join(this.#manifests, `${digest.slice(DIGEST_PREFIX.length)}.json`);
  }
}

const KERNEL_FILES = { bzImage: "bzImage", vmlinux: "vmlinux", modules: "modules.squashfs", bootModules: "modules.cpio" } as const;
const UNFINISHED = /\.(partial|tmp)$/;

/** A release alone does not name its files: a rebuilt package keeps it. */
function kernelDirName(
  release: string,
  files: { readonly bzImage: FileDigest; readonly modules: FileDigest; readonly bootModules: FileDigest },
): string {
  const all = [files.bzImage, files.modules, files.bootModules].map(({ sha256 }) => sha256).join("\n");
  return `${release}-${createHash("sha256").update(all).digest("hex").slice(0, 12)}`;
}

function corrupt(name: string, damage: string, cause?: unknown): BangerError {
  return new BangerError("image.corrupt", `image ${name} is damaged: ${damage}`, {
    hint: `banger image pull ${name}`,
    details: { name },
    ...(cause === undefined ? {} : { cause }),
  });
}

function parsed<T>(schema: z.ZodType<T>, text: string, name: string): T {
  const result = schema.safeParse(parsedJson(text));
  if (!result.success) throw corrupt(name, "what was written down of it cannot be read", result.error);
  return result.data;
}

/** Undefined for what is not JSON, which no schema here takes. */
function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

async function jsonNames(directory: string): Promise<string[]> {
  return (await namesIn(directory)).filter((name) => name.endsWith(".json")).map((name) => name.slice(0, -".json".length));
}

async function namesIn(directory: string): Promise<string[]> {
  return ((await unlessMissing(readdir(directory))) ?? []).toSorted();
}
