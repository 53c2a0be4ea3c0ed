// Images for the rest of the daemon: a name becomes files to boot from.
import { join } from "node:path";
import { BangerError, type Image } from "@banger/api";
import { diskFullError, isDiskFull } from "@banger/host";
import type { Log } from "../log.ts";
import { CATALOG, imageNotFound, originOf, type CatalogEntry } from "./catalog.ts";
import type { ImageService, PullOptions, ReadyImage } from "./contract.ts";
import { InitramfsCache, type InitramfsSource } from "./initramfs.ts";
import { digestOf, isImageName, type Manifest } from "./manifest.ts";
import { digestOfRecipe, isOutdated, presentRecipeDigest } from "./recipe-digest.ts";
import { loadRecipe } from "./recipe-schema.ts";
import { buildRecipe, type BuildOptions, type RecipeDeps } from "./recipe.ts";
import { removeLeftBuilds } from "./scratch.ts";
import { SharedBuild } from "./shared-build.ts";
import { ImageStore } from "./store.ts";

export interface ImageServiceDeps extends Omit<RecipeDeps, "buildsDir"> {
  readonly imagesDir: string;
  readonly kernelsDir: string;
  /** Directory with the recipes' folders. */
  readonly recipesDir: string;
  /** The static guest agent. */
  readonly agentPath: string;
  /** The catalog; default: the one banger comes with. */
  readonly catalog?: readonly CatalogEntry[];
  readonly now: () => Date;
  /** A clock that never goes back, in milliseconds. */
  readonly monotonicMs: () => number;
  readonly log: Log;
}

export class Images implements ImageService {
  readonly #deps: ImageServiceDeps;
  readonly #recipeDeps: RecipeDeps;
  readonly #catalog: readonly CatalogEntry[];
  readonly #store: ImageStore;
  readonly #initramfs = new InitramfsCache();
  readonly #builds = new Map<string, SharedBuild<ReadyImage>>();

  constructor(deps: ImageServiceDeps) {
    this.#deps = deps;
    this.#recipeDeps = { ...deps, buildsDir: join(deps.imagesDir, "builds") };
    this.#catalog = deps.catalog ?? CATALOG;
    this.#store = new ImageStore(deps);
  }

  async list(): Promise<readonly Image[]> {
    const images: Image[] = [];
    for (const name of await this.#knownNames()) images.push(await this.#describe(name));
    return images;
  }

  async show(name: string): Promise<Image> {
    await this.#checkKnown(name);
    return this.#describe(name);
  }

  async find(name: string): Promise<ReadyImage | undefined> {
    await this.#checkKnown(name);
    const manifest = await this.#store.named(name);
    return manifest === undefined ? undefined : this.#ready(manifest);
  }

  async byDigest(digest: string): Promise<ReadyImage> {
    const manifest = await this.#store.byDigest(digest);
    if (manifest !== undefined) return this.#ready(manifest);
    throw new BangerError("image.not_found", `the image with digest ${digest} is not here any more`, { details: { digest } });
  }

  async pull(name: string, options: PullOptions): Promise<ReadyImage> {
    await this.#checkKnown(name);
    const here = options.force === true ? undefined : await this.#present(name);
    if (here !== undefined) return here;
    const entry = this.#catalog.find((candidate) => candidate.name === name);
    if (entry === undefined) throw imageNotFound(name, this.#catalogNames());
    if (options.signal.aborted) throw new BangerError("operation.cancelled", `image ${name} was not pulled: cancelled`);
    return this.#buildOf(entry, options.force === true).join(options);
  }

  async delete(name: string, inUse: (digest: string) => readonly string[]): Promise<void> {
    await this.#checkKnown(name);
    if (!(await this.#store.names()).includes(name)) {
      throw new BangerError("image.not_found", `image ${name} is not here: there is nothing to delete`, { hint: "banger image list" });
    }
    // What is too damaged to be read can still be deleted.
    const manifest = await this.#store.named(name).catch(damagedIsNone);
    await this.#store.unname(name, () => {
      if (manifest !== undefined) refuseWhenUsed(name, inUse(digestOf(manifest)));
    });
    await this.#store.collect(inUse);
  }

  async reconcile(inUse: (digest: string) => readonly string[]): Promise<void> {
    const report = (what: string, error: unknown) => this.#deps.log({ what, error: String(error) }, "images could not be tidied up");
    const tidy = (what: string, work: () => Promise<void>) => work().catch((error: unknown) => report(what, error));
    await tidy("builds", () => removeLeftBuilds(this.#recipeDeps.buildsDir, this.#deps.host, report));
    await tidy("files of no image", () => this.#store.collect(inUse));
    await tidy("initramfs", async () => {
      for (const name of await this.#store.names()) await tidy(`initramfs of image ${name}`, () => this.#removeOldInitramfs(name));
    });
  }

  async #removeOldInitramfs(name: string): Promise<void> {
    const manifest = await this.#store.named(name).catch(damagedIsNone);
    if (manifest !== undefined) await this.#initramfs.removeOthers(this.#initramfsSource(manifest));
  }

  /** The build of an entry that is under way, or a new one. */
  #buildOf(entry: CatalogEntry, force: boolean): SharedBuild<ReadyImage> {
    const underWay = this.#builds.get(entry.name);
    if (underWay !== undefined && !underWay.isCancelled) return underWay;
    const build = new SharedBuild(
      (options) => this.#build(entry, force, options).catch((error: unknown) => this.#rethrow(error)),
      this.#deps.monotonicMs,
    );
    this.#builds.set(entry.name, build);
    void build.settled().then(() => {
      if (this.#builds.get(entry.name) === build) this.#builds.delete(entry.name);
    });
    return build;
  }

  async #build(entry: CatalogEntry, force: boolean, { signal, report }: BuildOptions): Promise<ReadyImage> {
    // A build may have ended between the caller's look and this one.
    const here = force ? undefined : await this.#present(entry.name);
    if (here !== undefined) return here;
    if (entry.source.kind !== "recipe") {
      throw new BangerError("host.unsupported", `image ${entry.name} comes from ${originOf(entry.source)}, which this banger cannot pull`);
    }
    const folder = await loadRecipe(join(this.#deps.recipesDir, entry.source.folder));
    const recipeDigest = await digestOfRecipe(folder);
    await using built = await buildRecipe(folder, this.#recipeDeps, { signal, report });
    report({ type: "stage.started", stage: "store" });
    const { rootSquashfs: basePath, modulesSquashfs, kernel } = built;
    const manifest = await this.#store.publish(
      {
        ...{ name: entry.name, arch: entry.arch, origin: originOf(entry.source), recipeDigest, createdAt: this.#deps.now().toISOString() },
        ...{ format: "squashfs", env: [], basePath, modulesSquashfs, kernel },
      },
      signal,
    );
    report({ type: "stage.finished", stage: "store", facts: { bytes: manifest.base.sizeBytes } });
    return this.#ready(manifest);
  }

  #rethrow(error: unknown): never {
    throw isDiskFull(error) ? diskFullError(this.#deps.imagesDir, error) : error;
  }

  /** The image when it is here, undamaged and not older than its recipe. */
  async #present(name: string): Promise<ReadyImage | undefined> {
    const manifest = await this.#store.named(name).catch(damagedIsNone);
    if (manifest === undefined || (await this.#isOutdated(manifest))) return undefined;
    return this.#ready(manifest).catch(damagedIsNone);
  }

  async #isOutdated({ name, recipeDigest }: Manifest): Promise<boolean> {
    const source = this.#catalog.find((candidate) => candidate.name === name)?.source;
    if (source?.kind !== "recipe") return false;
    return isOutdated(recipeDigest, await presentRecipeDigest(join(this.#deps.recipesDir, source.folder)));
  }

  /** Throws `image.corrupt`. */
  async #ready(manifest: Manifest): Promise<ReadyImage> {
    await this.#store.verify(manifest);
    const files = this.#store.files(manifest);
    return {
      name: manifest.name,
      digest: digestOf(manifest),
      basePath: files.base,
      baseType: manifest.format,
      kernelRelease: manifest.kernel.release,
      boot: { bzImage: files.bzImage, vmlinux: files.vmlinux, initramfs: await this.#initramfs.path(this.#initramfsSource(manifest)) },
      modulesPath: files.modules,
      env: manifest.env,
    };
  }

  #initramfsSource(manifest: Manifest): InitramfsSource {
    const { kernelDir, bootModules } = this.#store.files(manifest);
    return { kernelDir, modulesArchivePath: bootModules, agentPath: this.#deps.agentPath };
  }

  async #describe(name: string): Promise<Image> {
    const manifest = await this.#store.named(name).catch(damagedIsNone);
    const entry = this.#catalog.find((candidate) => candidate.name === name);
    const isBuilding = this.#builds.has(name);
    return {
      name,
      status: isBuilding ? "building" : manifest === undefined ? "available" : "ready",
      outdated: manifest !== undefined && (await this.#isOutdated(manifest)),
      digest: manifest === undefined ? null : digestOf(manifest),
      sizeBytes: manifest?.base.sizeBytes ?? null,
      arch: manifest?.arch ?? entry?.arch ?? "amd64",
      origin: manifest?.origin ?? (entry === undefined ? "unknown" : originOf(entry.source)),
      kernel: manifest?.kernel.release ?? null,
      createdAt: manifest?.createdAt ?? null,
      usedBy: [],
    };
  }

  async #checkKnown(name: string): Promise<void> {
    const known = await this.#knownNames();
    if (!isImageName(name) || !known.includes(name)) throw imageNotFound(name, known);
  }

  async #knownNames(): Promise<string[]> {
    return [...new Set([...this.#catalogNames(), ...(await this.#store.names())])].toSorted();
  }

  #catalogNames(): string[] {
    return this.#catalog.map(({ name }) => name);
  }
}

function refuseWhenUsed(name: string, vms: readonly string[]): void {
  if (vms.length === 0) return;
  throw new BangerError("image.in_use", `image ${name} is used by ${vms.join(", ")}`, {
    hint: `banger vm delete ${vms.join(" ")}`,
    details: { name, vms: [...vms] },
  });
}

function damagedIsNone(error: unknown): undefined {
  if (error instanceof BangerError && error.code === "image.corrupt") return undefined;
  throw error;
}
