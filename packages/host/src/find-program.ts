// Where a program of the host is, if it is anywhere.
import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { isAbsolute, join } from "node:path";

/** mkfs and its kin are not on an ordinary user's PATH everywhere. */
const SYSTEM_DIRECTORIES = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin"];

/** `searchPath` (as in PATH) without relative names, and with the system's directories at its end. */
export function withSystemDirectories(searchPath: string): string {
  return [...new Set([...searchPath.split(":").filter(isAbsolute), ...SYSTEM_DIRECTORIES])].join(":");
}

/** The first executable called `name` on `searchPath` (as in PATH); an absolute `name` must be executable itself. */
export async function findProgram(name: string, searchPath: string): Promise<string | undefined> {
  const candidates = isAbsolute(name)
    ? [name]
    : searchPath
        .split(":")
        .filter(isAbsolute)
        .map((directory) => join(directory, name));
  for (const candidate of candidates) {
    const isThere = await access(candidate, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return candidate;
  }
  return undefined;
}
