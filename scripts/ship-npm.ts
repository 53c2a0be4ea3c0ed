// Puts the npm packages that image recipes take files from beside the recipes, so that a copied build needs no registry: just
// those files and each package's package.json, by which the daemon knows the version.
import { constants } from "node:fs";
import { chmod, copyFile, mkdir, readdir, readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";

interface Member {
  readonly package: string;
  readonly version: string;
  readonly from: string;
}

const root = dirname(import.meta.dirname);
const target = join(root, "build/share/npm");

process.umask(0o022);
await rm(target, { recursive: true, force: true });
for (const member of await members()) {
  const { version } = JSON.parse(await readFile(join(root, "node_modules", member.package, "package.json"), "utf8"));
  if (version !== member.version) throw new Error(`a recipe wants ${member.package} ${member.version}, package.json has ${version}`);
  for (const file of ["package.json", member.from.replace(/^package\//, "")]) await ship(join(member.package, file));
}

async function members(): Promise<readonly Member[]> {
  const folders = await readdir(join(root, "images"), { withFileTypes: true });
  const recipes = folders.filter((entry) => entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name, "recipe.json"));
  return (await Promise.all(recipes.map(async (path) => JSON.parse(await readFile(path, "utf8")).npm))).flat();
}

async function ship(file: string): Promise<void> {
  const destination = join(target, file);
  await mkdir(dirname(destination), { recursive: true });
  await copyFile(join(root, "node_modules", file), destination, constants.COPYFILE_FICLONE);
  await chmod(destination, 0o755);
}
