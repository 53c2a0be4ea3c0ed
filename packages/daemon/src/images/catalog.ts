// The images banger knows by name, here or not.
import { BangerError } from "@banger/api";
import { nearest } from "../config/nearest.ts";

/** Where an image comes from. */
export type ImageSource =
  /** Built here from signed distribution packages; `folder` lies in images/. */
  | { readonly kind: "recipe"; readonly folder: string }
  | { readonly kind: "bundle"; readonly url: string; readonly sha256: string }
  | { readonly kind: "oci"; readonly reference: string };

export interface CatalogEntry {
  readonly name: string;
  /** Debian's name of the architecture. */
  readonly arch: "amd64";
  readonly source: ImageSource;
}

export const CATALOG: readonly CatalogEntry[] = [
  { name: "debian-bookworm", arch: "amd64", source: { kind: "recipe", folder: "debian-bookworm" } },
];

/** `recipe:debian-bookworm`. */
export function originOf(source: ImageSource): string {
  switch (source.kind) {
    case "recipe":
      return `recipe:${source.folder}`;
    case "bundle":
      return `bundle:${source.url}`;
    case "oci":
      return `oci:${source.reference}`;
  }
}

/** `image.not_found` for `name`, with the nearest of `known` as the hint, or all of them when none is near. */
export function imageNotFound(name: string, known: readonly string[]): BangerError {
  const near = nearest(name, known);
  const hint = near === undefined ? `known images: ${known.join(", ")}` : `did you mean ${near}?`;
  return new BangerError("image.not_found", `there is no image ${JSON.stringify(name)}`, { hint, details: { name, known: [...known] } });
}
