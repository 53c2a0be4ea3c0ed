// What a recipe's result depends on, as one digest. It is kept with the image: another one now means that the recipe has changed
// since. Left out is what does not change the result or is the host's own: texts, estimates, times of files, mirrors, proxies.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { BangerError } from "@banger/api";
import { BOOT_MODULES } from "./boot-modules.ts";
import { mmdebstrapCommand, squashfsCommand } from "./recipe-command.ts";
import { recipeFiles } from "./recipe-overlay.ts";
import { loadRecipe, type Recipe, type RecipeFolder } from "./recipe-schema.ts";

/** A file that the recipe puts into the build. */
export interface RecipeFile {
  readonly name: string;
  readonly mode: number;
  readonly sha256: string;
}

/** Hex of a SHA-256. Whatever order `files` has, the same recipe gives the same digest. */
export function recipeDigest(recipe: Recipe, files: readonly RecipeFile[]): string {
  const inputs = {
    commands: [
      mmdebstrapCommand(recipe, { sources: false, aptOptions: false }),
      squashfsCommand(recipe.squashfs, "root"),
      squashfsCommand(recipe.modulesSquashfs, "modules"),
    ],
    sourceDateEpoch: recipe.sourceDateEpoch,
    // Their content is pinned by their integrity.
    npm: recipe.npm.map(({ package: name, version, integrity, from, to, mode }) => [name, version, integrity, from, to, mode]),
    files: files.toSorted((a, b) => (a.name < b.name ? -1 : 1)).map(({ name, mode, sha256 }) => [name, mode, sha256]),
    bootModules: BOOT_MODULES,
  };
  return digestOf(JSON.stringify(inputs));
}

export async function digestOfRecipe(folder: RecipeFolder): Promise<string> {
  const files = await recipeFiles(folder);
  return recipeDigest(
    folder.recipe,
    await Promise.all(files.map(async ({ name, mode, source }) => ({ name, mode, sha256: digestOf(await readFile(source)) }))),
  );
}

/** The digest of the recipe in `dir`; undefined when it cannot be read, as while banger is installed anew: nothing is told by it then. */
export async function presentRecipeDigest(dir: string): Promise<string | undefined> {
  try {
    return await digestOfRecipe(await loadRecipe(dir));
  } catch (error) {
    if ((error instanceof BangerError && error.code === "internal") || (error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Whether an image of the recipe digest `built` is older than its recipe; undefined stands for an unknown one. */
export function isOutdated(built: string | undefined, present: string | undefined): boolean {
  return present !== undefined && built !== present;
}

function digestOf(data: string | Buffer): string {
  return createHash("sha256").update(data).digest("hex");
}
