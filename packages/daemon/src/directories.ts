// The daemon's own directories, made at start with the modes that keep others out and, for a root daemon, let the user who
// runs its VMMs reach just its files.
import { chmod } from "node:fs/promises";
import { BangerError, makeDirectory, makeHome, type Paths } from "@banger/api";

/** Throws `state.not_writable` with the directory that could not be made. */
export async function makeDirectories(paths: Paths, isRoot: boolean): Promise<void> {
  const shared = isRoot ? 0o711 : 0o700;
  const wanted: readonly (readonly [string, number])[] = [
    [paths.dataDir, shared],
    [paths.vmsDir, shared],
    [paths.imagesDir, isRoot ? 0o755 : 0o700],
    [paths.kernelsDir, isRoot ? 0o755 : 0o700],
    [paths.cacheDir, shared],
    [paths.runDir, 0o700],
    [paths.stateDir, 0o700],
  ];
  for (const [directory, mode] of wanted) {
    try {
      makeHome(paths, isRoot);
      makeDirectory(directory, mode);
      await chmod(directory, mode);
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      throw new BangerError("state.not_writable", `banger cannot keep its state in ${directory} (${code ?? String(cause)})`, {
        hint: "make it writable for you, or set BANGER_HOME to a directory that is",
        cause,
      });
    }
  }
}
