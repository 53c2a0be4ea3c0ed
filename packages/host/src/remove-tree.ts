// The one recursive delete of banger. It only takes a direct or indirect child of a directory banger owns.
import { lstat, realpath, rm } from "node:fs/promises";
import { dirname, isAbsolute, relative, resolve } from "node:path";
import { run } from "./commands.ts";

/**
 * Removes `path`, which must lie below `root`, both absolute; nothing to do when it is gone. Symlinks inside are unlinked, not
 * followed; a parent of `path` that is a symlink out of `root` is refused.
 */
export async function removeTree(path: string, root: string): Promise<void> {
  const inside = relative(resolve(root), resolve(path));
  if (!isAbsolute(path) || inside === "" || inside.startsWith("..") || isAbsolute(inside)) {
    throw new Error(`refusing to remove ${path}: not below ${root}`);
  }
  const found = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (found === undefined) return;
  const realParent = await realpath(dirname(path));
  const realRoot = await realpath(root);
  if (realParent !== realRoot && !realParent.startsWith(`${realRoot}/`)) {
    throw new Error(`refusing to remove ${path}: its parent is ${realParent}, not below ${realRoot}`);
  }
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    if (!OBSTINATE.has((error as NodeJS.ErrnoException).code ?? "")) throw error;
    await removeObstinate(path);
  }
}

/** How a tree resists that was made to: by directories closed to their own owner, by paths longer than may be named. */
const OBSTINATE = new Set(["EACCES", "ENAMETOOLONG"]);

/** Both programs walk by descriptors, and follow no symlink. */
async function removeObstinate(path: string): Promise<void> {
  // Nothing is closed to root, who might open what is not of the tree: a file has more than one name.
  if (process.geteuid?.() !== 0) await run(["chmod", "-R", "u+rwX", "--", path]).catch(ignore);
  await run(["rm", "-rf", "--", path]);
}

/** Whether all could be opened shows in the removal. */
function ignore(): void {}
