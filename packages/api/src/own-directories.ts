// Makes banger's own directories, for the CLI and the daemon alike: whichever comes first.
import { chmodSync, existsSync, mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { Paths } from "./paths.ts";

/** Where the owner's own files go: the log, keys, records of workspaces. Throws what the system says. */
export function makeStateDirectory(paths: Pick<Paths, "home" | "stateDir">, isRoot: boolean): void {
  makeHome(paths, isRoot);
  makeDirectory(paths.stateDir, 0o700);
}

/** The directory BANGER_HOME names. The user who runs root's VMs must get through it to their files; one that is there stays as it is. */
export function makeHome({ home }: Pick<Paths, "home">, isRoot: boolean): void {
  if (home !== null) makeDirectory(home, isRoot ? 0o711 : 0o700);
}

/**
 * Makes what is missing on the way to `path`, each level with `mode`, whatever the umask. Node's own recursive mkdir does not end
 * where a level cannot be made although the one above is there, as below /proc. Throws what the system says.
 */
export function makeDirectory(path: string, mode: number): void {
  const missing: string[] = [];
  for (let at = path; !existsSync(at) && at !== dirname(at); at = dirname(at)) missing.unshift(at);
  for (const level of missing) makeLevel(level, mode);
}

function makeLevel(path: string, mode: number): void {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    // Several commands may begin at once.
    if ((error as NodeJS.ErrnoException).code === "EEXIST" && statSync(path).isDirectory()) return;
    throw error;
  }
  chmodSync(path, mode);
}
