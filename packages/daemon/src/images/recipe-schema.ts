// What a recipe's recipe.json may say. The fields are described in images/README.md.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { BangerError } from "@banger/api";

/** Names that end up inside mmdebstrap's hooks, which are shell lines, and in lists separated by commas. */
const hookWord = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9.+-]*$/);
const pathPattern = z.string().regex(/^\/[^\n]*$/);
const blockSizeKib = z.int().min(4).max(1024);
const compression = z.discriminatedUnion("compression", [
  z.strictObject({ compression: z.literal("zstd"), level: z.int().min(1).max(22), blockSizeKib }),
  z.strictObject({ compression: z.literal("lz4"), blockSizeKib }),
]);

export const recipeSchema = z.strictObject({
  recipeVersion: z.literal(1),
  name: hookWord,
  description: z.string(),
  arch: hookWord,
  suite: hookWord,
  variant: hookWord,
  components: z.array(hookWord).min(1),
  sourceDateEpoch: z.int().min(0),
  packages: z.array(hookWord),
  pathExcludes: z.array(pathPattern),
  pathIncludes: z.array(pathPattern),
  npm: z.array(
    z.strictObject({
      package: z.string().regex(/^(@[a-z0-9][a-z0-9._-]*\/)?[a-z0-9][a-z0-9._-]*$/),
      version: z.string().min(1),
      integrity: z.string().startsWith("sha512-"),
      from: z.string().regex(/^package\/(?!.*(^|\/)\.\.(\/|$)).+$/),
      to: z.string().regex(/^\/(?!.*(^|\/)\.\.(\/|$)).+$/),
      mode: z.string().regex(/^0[0-7]{3}$/),
    }),
  ),
  kernel: z.strictObject({ package: hookWord, script: hookWord }),
  customize: z.array(hookWord),
  squashfs: compression,
  modulesSquashfs: compression,
  estimates: z.strictObject({
    packages: z.int(),
    downloadMib: z.number(),
    tarMib: z.number(),
    imageMib: z.number(),
    scratchMib: z.number(),
    seconds: z.number(),
  }),
});
export type Recipe = z.infer<typeof recipeSchema>;
export type SquashfsOptions = Recipe["squashfs"];

/** A recipe and the folder its scripts and files are in. */
export interface RecipeFolder {
  readonly dir: string;
  readonly recipe: Recipe;
}

/** The recipe in `dir`. Throws `internal`: recipes are part of banger. */
export async function loadRecipe(dir: string): Promise<RecipeFolder> {
  const path = join(dir, "recipe.json");
  try {
    return { dir, recipe: recipeSchema.parse(JSON.parse(await readFile(path, "utf8"))) };
  } catch (error) {
    throw new BangerError(
      "internal",
      `banger's own recipe ${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      {
        hint: "install banger again",
        cause: error,
      },
    );
  }
}
