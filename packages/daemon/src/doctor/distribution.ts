// The host's distribution as far as it matters here: the command that installs a package.
import { readIfThere } from "./read-if-there.ts";

export type Family = "apt" | "dnf" | "pacman";

interface Distribution {
  /** Values of ID and ID_LIKE in os-release(5). */
  readonly ids: readonly string[];
  readonly install: readonly string[];
}

export const DISTRIBUTIONS: Readonly<Record<Family, Distribution>> = {
  apt: { ids: ["debian", "ubuntu"], install: ["sudo", "apt", "install"] },
  dnf: { ids: ["fedora", "rhel", "centos"], install: ["sudo", "dnf", "install"] },
  pacman: { ids: ["arch"], install: ["sudo", "pacman", "-S"] },
};

/** The family of the host whose os-release is `text`; undefined when it is none we know packages of. */
export function familyOf(text: string): Family | undefined {
  const field = (name: string) => new RegExp(`^${name}=["']?([^"'\\n]*)["']?$`, "m").exec(text)?.[1] ?? "";
  for (const id of [field("ID"), ...field("ID_LIKE").split(/\s+/)]) {
    const found = (Object.keys(DISTRIBUTIONS) as Family[]).find((family) => DISTRIBUTIONS[family].ids.includes(id));
    if (found !== undefined) return found;
  }
  return undefined;
}

export async function readFamily(osRelease: string): Promise<Family | undefined> {
  return familyOf((await readIfThere(osRelease)) ?? "");
}
