// Where a program is, if it is anywhere: on PATH, or in the sbin directories that an ordinary user's PATH may lack.
import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { isAbsolute, join } from "node:path";

const SYSTEM_DIRECTORIES = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin"];

export async function findProgram(name: string, searchPath: string): Promise<string | undefined> {
  const directories = isAbsolute(name) ? [""] : [...searchPath.split(":").filter(isAbsolute), ...SYSTEM_DIRECTORIES];
  for (const directory of directories) {
    const path = join(directory, name);
    const isThere = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return path;
  }
  return undefined;
}
