// Ends and removes what runs in this directory have left, however they ended: no daemon is asked, so none can refuse. What lies
// below the directory tells what there is to end: a state, or a file system that a scenario mounted.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { resolvePaths } from "@banger/api";
import { poll, removeTree, run } from "@banger/host";
import { endPrograms, endState, type Owner } from "../../scripts/leftovers.ts";
import { claimHome, isThere, LOCK } from "./own-home.ts";

/** Of no one run: what is dear to make, and what tells of the last run until the next one begins. */
const KEPT = new Set(["data", "cache", "logs"]);
const KEPT_DATA = new Set(["images", "kernels"]);

export interface Sweeping {
  readonly owner: Owner;
  readonly say: (line: string) => void;
}

/** Leaves images, caches and logs. */
export async function sweep(home: string, sweeping: Sweeping): Promise<void> {
  await endAll(home, sweeping);
  const data = join(home, "data");
  for (const name of await namesIn(data)) if (!KEPT_DATA.has(name)) await removeTree(join(data, name), home);
  for (const name of await namesIn(home)) if (!KEPT.has(name) && !name.startsWith(LOCK)) await removeTree(join(home, name), home);
}

/** Leaves nothing. Throws when a run goes on in there. */
export async function removeHome(home: string, sweeping: Sweeping): Promise<void> {
  if (!(await isThere(home))) return;
  using _claim = await claimHome(home, sweeping.owner);
  await endAll(home, sweeping);
  await removeTree(home, join(home, ".."));
  sweeping.say(`removed ${home}`);
}

async function endAll(home: string, { owner, say }: Sweeping): Promise<void> {
  await endPrograms(home, owner);
  for (;;) {
    for (const each of [home, ...(await homesBelow(home))]) {
      await endState(resolvePaths({ uid: owner.uid, home: each, env: { BANGER_HOME: each } }), owner, say);
    }
    const mounts = await mountsBelow(home);
    if (mounts.length === 0) return;
    // What was mounted last comes off first, and may have hidden another home.
    for (const mount of mounts.toReversed()) await unmount(mount);
  }
}

/** Directories that another banger has its state in. Symlinks are not followed. */
async function homesBelow(directory: string): Promise<readonly string[]> {
  const entries = (await readdir(directory, { withFileTypes: true })).filter((entry) => entry.isDirectory() && entry.name !== "data");
  const found = entries.map(async ({ name }) => {
    const path = join(directory, name);
    return [...((await isThere(join(path, "data/lock.db"))) ? [path] : []), ...(await homesBelow(path))];
  });
  return (await Promise.all(found)).flat();
}

/** See proc_pid_mountinfo(5): the fifth field is the mount point, with blanks written in octal. */
async function mountsBelow(home: string): Promise<readonly string[]> {
  const lines = (await readFile("/proc/self/mountinfo", "utf8")).trim().split("\n");
  const points = lines.map((line) =>
    (line.split(" ")[4] ?? "").replaceAll(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(parseInt(octal, 8))),
  );
  return points.filter((point) => point.startsWith(`${home}/`));
}

async function unmount(path: string): Promise<void> {
  const umount = async () =>
    run(["umount", path]).then(
      () => true,
      (error: unknown) => void (last = error),
    );
  let last: unknown;
  const done = await poll(umount, { timeoutMs: 10_000, intervalMs: 100 });
  if (done === undefined) throw new Error(`${path} cannot be unmounted`, { cause: last });
}

async function namesIn(directory: string): Promise<readonly string[]> {
  return (await isThere(directory)) ? readdir(directory) : [];
}
