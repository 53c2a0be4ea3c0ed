// What a recipe adds to the packages, as one tar that goes into the build: its files/, its npm members, its scripts.
// The layout is in images/README.md: regular files only, because tar would set a listed directory's mode on the image's own.
import { createReadStream, createWriteStream } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { pipeline } from "node:stream/promises";
import { BangerError } from "@banger/api";
import { pack, type Pack } from "tar-stream";
import { unlessMissing } from "./missing.ts";
import type { Recipe, RecipeFolder } from "./recipe-schema.ts";

export interface OverlayFile {
  /** In the image, relative to its root. */
  readonly name: string;
  /** On the host. */
  readonly source: string;
  readonly mode: number;
}

export interface OverlayOptions {
  /** Directory with the npm packages of banger's installation, each under its name, verified when they were installed. */
  readonly npmDir: string;
  readonly signal: AbortSignal;
}

/** Writes the overlay of `folder` to `path`. Throws `internal` when banger's installation lacks one of the recipe's packages. */
export async function writeOverlay(path: string, folder: RecipeFolder, { npmDir, signal }: OverlayOptions): Promise<void> {
  const npmFiles = await Promise.all(folder.recipe.npm.map((member) => npmFile(member, npmDir)));
  const files = [...(await recipeFiles(folder)), ...npmFiles];
  files.sort((a, b) => (a.name < b.name ? -1 : 1));
  const tar = pack();
  const writing = pipeline(tar, createWriteStream(path, { mode: 0o644 }), { signal });
  await Promise.all([addAll(tar, files, folder.recipe.sourceDateEpoch), writing]);
}

/** What lies in the recipe's own folder: its files/ and its scripts. */
export async function recipeFiles({ dir, recipe }: RecipeFolder): Promise<OverlayFile[]> {
  const scripts = [recipe.kernel.script, ...recipe.customize];
  return [
    ...(await filesBelow(join(dir, "files"))),
    ...scripts.map((script) => ({ name: `.banger/${script}`, source: join(dir, script), mode: 0o755 })),
  ];
}

async function addAll(tar: Pack, files: readonly OverlayFile[], mtimeSeconds: number): Promise<void> {
  try {
    for (const file of files) await addFile(tar, file, mtimeSeconds);
    tar.finalize();
  } catch (error) {
    tar.destroy(error instanceof Error ? error : new Error(String(error)));
    throw error;
  }
}

async function addFile(tar: Pack, { name, source, mode }: OverlayFile, mtimeSeconds: number): Promise<void> {
  const { size } = await stat(source);
  const entry = tar.entry({ name, mode, size, uid: 0, gid: 0, mtime: new Date(mtimeSeconds * 1000), type: "file" });
  await pipeline(createReadStream(source), entry);
}

async function filesBelow(dir: string): Promise<OverlayFile[]> {
  const entries = (await unlessMissing(readdir(dir, { recursive: true, withFileTypes: true }))) ?? [];
  const files = entries.filter((entry) => !entry.isDirectory());
  return Promise.all(
    files.map(async (entry) => {
      const source = join(entry.parentPath, entry.name);
      if (!entry.isFile()) throw new BangerError("internal", `banger's own recipe holds ${source}, which is not a regular file`);
      const mode = ((await stat(source)).mode & 0o100) === 0 ? 0o644 : 0o755;
      return { name: relative(dir, source), source, mode };
    }),
  );
}

async function npmFile(member: Recipe["npm"][number], npmDir: string): Promise<OverlayFile> {
  const packageDir = join(npmDir, member.package);
  const installed = await packageVersion(join(packageDir, "package.json"));
  if (installed !== member.version) {
    throw new BangerError(
      "internal",
      `the image needs ${member.package} ${member.version}, banger's installation has ${installed ?? "none"} in ${npmDir}`,
      {
        hint: "install banger again",
      },
    );
  }
  return {
    name: member.to.slice(1),
    source: join(packageDir, member.from.slice("package/".length)),
    mode: Number.parseInt(member.mode, 8),
  };
}

async function packageVersion(path: string): Promise<string | undefined> {
  const text = await unlessMissing(readFile(path, "utf8"));
  if (text === undefined) return undefined;
  const { version } = JSON.parse(text) as { version?: unknown };
  return typeof version === "string" ? version : undefined;
}
