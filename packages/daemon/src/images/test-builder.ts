// For tests and scripts: who builds on this machine, and the smallest build that gives a kernel.
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { run, type RunAs } from "@banger/host";
import type { BuilderHost } from "./recipe-preflight.ts";
import type { RecipeFolder } from "./recipe-schema.ts";

/** This user, or, for root, the first user with subordinate ids. Throws when root finds none. */
export async function testBuilderHost(path: string, uid: number): Promise<BuilderHost> {
  const runAs = uid === 0 ? await firstUserWithSubordinateIds() : null;
  return { runAs, env: { PATH: path, HOME: runAs?.home ?? homedir() }, scratchRoot: "/var/tmp" };
}

/** The recipe's kernel with next to nothing around it: half a minute instead of two. */
export function kernelOnly({ dir, recipe }: RecipeFolder): RecipeFolder {
  return { dir, recipe: { ...recipe, name: `${recipe.name}-kernel`, variant: "essential", packages: ["lz4", "kmod"], npm: [], customize: [], estimates: { ...recipe.estimates, packages: 90, scratchMib: 800 } } };
}

async function firstUserWithSubordinateIds(): Promise<RunAs> {
  for (const line of (await readFile("/etc/subuid", "utf8")).split("\n")) {
    const name = line.split(":")[0];
    if (name === undefined || name === "" || name === "root") continue;
    const passwd = await run(["getent", "passwd", name]).then(({ stdout }) => stdout.split(":"), () => []);
    const [, , uid, gid, , home] = passwd;
    if (uid !== undefined && gid !== undefined && home !== undefined) return { uid: Number(uid), gid: Number(gid), home };
  }
  throw new Error("as root this needs an ordinary user with subordinate ids: useradd -m NAME");
}
