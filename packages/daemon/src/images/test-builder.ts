// For tests and scripts: who builds on this machine, and the smallest build that gives a kernel.
import { chmod, copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { run, type RunAs } from "@banger/host";
import type { BuilderHost } from "./recipe-preflight.ts";
import { loadRecipe, type RecipeFolder } from "./recipe-schema.ts";
import { Images } from "./service.ts";

const RECIPES = join(import.meta.dirname, "../../../../images");

/** This user, or, for root, the first user with subordinate ids. Throws when root finds none. */
export async function testBuilderHost(path: string, uid: number): Promise<BuilderHost> {
  const runAs = uid === 0 ? await firstUserWithSubordinateIds() : null;
  return { runAs, env: { PATH: path, HOME: runAs?.home ?? homedir() }, scratchRoot: "/var/tmp" };
}

/** The default image's kernel with next to nothing around it: half a minute instead of two. */
export async function kernelOnly(): Promise<RecipeFolder> {
  const { dir, recipe } = await loadRecipe(join(RECIPES, "debian-bookworm"));
  const estimates = { ...recipe.estimates, packages: 75, scratchMib: 800 };
  return {
    dir,
    recipe: {
      ...recipe,
      name: "kernel-only",
      variant: "essential",
      packages: ["lz4", "kmod", "busybox-static"],
      npm: [],
      customize: [],
      estimates,
    },
  };
}

/** The image `tiny`, with a kernel, to be built below `dir` by `host`; `packages` are added to what it is made of. */
export async function tinyImages(dir: string, host: BuilderHost, packages: readonly string[] = []): Promise<Images> {
  const { dir: from, recipe } = await kernelOnly();
  await mkdir(join(dir, "recipes/tiny"), { recursive: true });
  await copyFile(join(from, recipe.kernel.script), join(dir, "recipes/tiny", recipe.kernel.script));
  await writeFile(
    join(dir, "recipes/tiny/recipe.json"),
    JSON.stringify({ ...recipe, name: "tiny", packages: [...recipe.packages, ...packages] }),
  );
  await writeFile(join(dir, "agent"), "agent");
  await mkdir(join(dir, "scratch"), { recursive: true });
  for (const passed of [dir, join(dir, "scratch")]) await chmod(passed, 0o755);
  return new Images({
    imagesDir: join(dir, "images"),
    kernelsDir: join(dir, "kernels"),
    recipesDir: join(dir, "recipes"),
    logDir: join(dir, "logs"),
    npmDir: dir,
    aptDir: "/etc/apt",
    agentPath: join(dir, "agent"),
    catalog: [{ name: "tiny", arch: "amd64", source: { kind: "recipe", folder: "tiny" } }],
    host: { ...host, scratchRoot: join(dir, "scratch") },
    now: () => new Date(),
    monotonicMs: () => performance.now(),
    log: () => {},
  });
}

async function firstUserWithSubordinateIds(): Promise<RunAs> {
  for (const line of (await readFile("/etc/subuid", "utf8")).split("\n")) {
    const name = line.split(":")[0];
    if (name === undefined || name === "" || name === "root") continue;
    const passwd = await run(["getent", "passwd", name]).then(
      ({ stdout }) => stdout.split(":"),
      () => [],
    );
    const [, , uid, gid, , home] = passwd;
    if (uid !== undefined && gid !== undefined && home !== undefined) return { uid: Number(uid), gid: Number(gid), home };
  }
  throw new Error("as root this needs an ordinary user with subordinate ids: useradd -m NAME");
}
