import { HOST_PROGRAMS, installCommand, KEYRING_PACKAGES, readOsRelease, type PackageNames } from "@banger/api";
import { findProgram } from "@banger/host";
import type { Check } from "../contract.ts";
import type { DoctorDeps } from "../deps.ts";
import { readIfThere } from "../read-if-there.ts";

interface Missing {
  readonly what: string;
  readonly needs: string;
  readonly packages: PackageNames;
}

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
      fix: installCommand(
        missing.map((one) => one.packages),
        readOsRelease(files.osRelease),
      ),
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
