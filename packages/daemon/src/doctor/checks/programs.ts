import { findProgram } from "@banger/host";
import type { Check } from "../contract.ts";
import type { DoctorDeps } from "../deps.ts";
import { DISTRIBUTIONS, readFamily, type Family } from "../distribution.ts";
import { HOST_PROGRAMS } from "../host-programs.ts";
import { readIfThere } from "../read-if-there.ts";

interface Missing {
  readonly what: string;
  readonly needs: string;
  readonly packages: Readonly<Record<Family, string>>;
}

const KEYRING_PACKAGES = { apt: "debian-archive-keyring", dnf: "debian-keyring", pacman: "debian-archive-keyring" };

export const programs: Check<DoctorDeps> = {
  id: "programs",
  about: "banger runs the distribution's own programs: QEMU, bubblewrap, pasta and others.",
  async run({ searchPath, files }) {
    const missing = [...(await missingPrograms(searchPath)), ...(await missingKeyring(files.debianKeyring))];
    if (missing.length === 0) return { status: "ok", summary: `all ${HOST_PROGRAMS.length} are here` };
    const needs = [...new Set(missing.map((one) => one.needs))];
    return {
      status: "failed",
      summary: `missing: ${missing.map((one) => one.what).join(", ")} (for ${needs.join(", ")})`,
      fix: installCommand(missing, await readFamily(files.osRelease)),
      details: { missing: missing.map((one) => one.what) },
    };
  },
};

async function missingPrograms(searchPath: string): Promise<readonly Missing[]> {
  const looked = await Promise.all(
    HOST_PROGRAMS.map(async (program) => {
      const found = await Promise.all(program.names.map((name) => findProgram(name, searchPath)));
      return { program, isHere: found.some((path) => path !== undefined) };
    }),
  );
  return looked.filter(({ isHere }) => !isHere).map(({ program }) => ({ ...program, what: program.names.join(" or ") }));
}

async function missingKeyring(path: string): Promise<readonly Missing[]> {
  if ((await readIfThere(path)) !== undefined) return [];
  return [{ what: "Debian's archive keys", needs: "building images", packages: KEYRING_PACKAGES }];
}

function installCommand(missing: readonly Missing[], family: Family | undefined): string {
  const packages = [...new Set(missing.map((one) => one.packages[family ?? "apt"]))];
  if (family === undefined) return `install with your package manager (Debian's names): ${packages.join(" ")}`;
  return [...DISTRIBUTIONS[family].install, ...packages].join(" ");
}
