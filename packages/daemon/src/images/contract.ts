// What the rest of the daemon knows of images: a name becomes files to boot from.
import type { Image, ProgressSink } from "@banger/api";
import type { BootFiles } from "../vmm/contract.ts";

/** An image that is here, whole and verified. All paths are absolute; the files are never written again. */
export interface ReadyImage {
  readonly name: string;
  /** `sha256:…` of the base file. */
  readonly digest: string;
  readonly basePath: string;
  readonly baseType: "squashfs" | "erofs";
  readonly kernelRelease: string;
  readonly boot: BootFiles;
  readonly modulesPath: string | null;
  /** Environment the image asks for, `K=V`. */
  readonly env: readonly string[];
}

export interface PullOptions {
  readonly signal: AbortSignal;
  readonly progress: ProgressSink;
  /** Build or download again although it is here. */
  readonly force?: boolean;
}

export interface ImageService {
  /** What is here and what the catalog offers; `usedBy` is left empty. */
  list(): Promise<readonly Image[]>;
  /** Throws `image.not_found` with the nearest names as hint. */
  show(name: string): Promise<Image>;
  /** The image if it is here and whole; undefined when it must be pulled. Throws `image.not_found`, `image.corrupt`. */
  find(name: string): Promise<ReadyImage | undefined>;
  /** The image of a VM that was made from `digest`, whatever its name points to now. Throws `image.not_found`. */
  byDigest(digest: string): Promise<ReadyImage>;
  /** Brings the image here; one that is older than its recipe is built anew. Two at once share one build; it is cancelled when its last caller aborts. */
  pull(name: string, options: PullOptions): Promise<ReadyImage>;
  /** Throws `image.in_use` when `inUse` answers VM names. */
  delete(name: string, inUse: (digest: string) => readonly string[]): Promise<void>;
  /** Removes what an interrupted build left, and superseded images that no VM is on. Called at daemon start, which no
   *  failure of it may hinder: each is logged. */
  reconcile(inUse: (digest: string) => readonly string[]): Promise<void>;
}
