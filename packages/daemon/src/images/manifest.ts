// What is written down of an image that is here. Kept as JSON, one file an image digest.
import * as z from "zod";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

const storedFile = z.object({
  sha256,
  sizeBytes: z.int().min(0),
  /** As the file was when its digest was taken: a later time means it must be taken again. */
  mtimeMs: z.number(),
});
export type StoredFile = z.infer<typeof storedFile>;

export const manifestSchema = z.object({
  manifestVersion: z.literal(1),
  name: z.string(),
  arch: z.string(),
  /** recipe, bundle or oci, with its reference. */
  origin: z.string(),
  /** Of what it was built from (recipe-digest.ts); images of bangers that kept none have none. */
  recipeDigest: sha256.optional(),
  createdAt: z.iso.datetime(),
  format: z.enum(["squashfs", "erofs"]),
  /** Environment the image asks for, `K=V`. */
  env: z.array(z.string()),
  base: storedFile,
  kernel: z.object({
    release: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9.+~_-]*$/),
    bzImage: storedFile,
    vmlinux: storedFile,
    modules: storedFile,
    bootModules: storedFile,
  }),
});
export type Manifest = z.infer<typeof manifestSchema>;

export const DIGEST_PREFIX = "sha256:";

/** `sha256:…` of the base file: what a VM remembers of its image. */
export function digestOf(manifest: Manifest): string {
  return `${DIGEST_PREFIX}${manifest.base.sha256}`;
}

/** An image's name becomes a file name. */
export function isImageName(text: string): boolean {
  return /^[a-z0-9][a-z0-9._-]{0,99}$/.test(text);
}
