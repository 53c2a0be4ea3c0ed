// What a build needs of the host, looked at before minutes are spent on it. `doctor` asks the same.
import { constants } from "node:fs";
import { access, statfs } from "node:fs/promises";
import { BangerError, formatSize, installCommand, KEYRING_PACKAGES, packagesOf, readOsRelease } from "@banger/api";
import { asUser, findProgram, run, type RunAs } from "@banger/host";
import { DEBIAN_KEYRING } from "./host-apt.ts";

const PROGRAMS = ["mmdebstrap", "newuidmap", "newgidmap", "tar2sqfs", "setpriv"] as const;

export interface BuilderHost {
  readonly runAs: RunAs | null;
  /** The environment of the build: PATH, HOME and the like. */
  readonly env: Readonly<Record<string, string>>;
  /** Directory for the tree being built, such as /var/tmp. */
  readonly scratchRoot: string;
}

/** Throws `host.command_missing`, `host.unsupported` or `host.disk_full`, each with what to type. */
export async function checkBuilder(host: BuilderHost, scratchBytes: number, signal: AbortSignal): Promise<void> {
  await checkPrograms(host.env["PATH"] ?? "");
  await checkFreeSpace(host.scratchRoot, scratchBytes);
  await checkNamespaces(host, signal);
}

async function checkPrograms(path: string): Promise<void> {
  const looked = await Promise.all(PROGRAMS.map(async (name) => ((await findProgram(name, path)) === undefined ? [name] : [])));
  const programs = looked.flat();
  const hasKeyring = await isReadable(DEBIAN_KEYRING);
  if (programs.length === 0 && hasKeyring) return;
  const missing = [...programs, ...(hasKeyring ? [] : [DEBIAN_KEYRING])];
  throw new BangerError("host.command_missing", `building an image needs ${missing.join(", ")}, not installed here`, {
    hint: installCommand([...packagesOf(programs), ...(hasKeyring ? [] : [KEYRING_PACKAGES])], readOsRelease()),
    details: { missing },
  });
}

async function isReadable(path: string): Promise<boolean> {
  return access(path, constants.R_OK).then(
    () => true,
    () => false,
  );
}

async function checkFreeSpace(directory: string, neededBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  if (bavail * bsize >= neededBytes) return;
  throw new BangerError(
    "host.disk_full",
    `building the image takes about ${formatSize(neededBytes)} in ${directory}, and ${formatSize(bavail * bsize)} is free`,
    {
      hint: `free some space on the file system of ${directory}`,
      details: { directory, neededBytes, freeBytes: bavail * bsize },
    },
  );
}

/** Makes the very namespace of the build, for nothing: only trying tells. */
async function checkNamespaces({ runAs, env }: BuilderHost, signal: AbortSignal): Promise<void> {
  try {
    // The program runs as a subordinate id, which may not be able to enter our directory.
    await run(asUser(["mmdebstrap", "--unshare-helper", "true"], runAs), { cwd: "/", env, signal });
  } catch (error) {
    if (error instanceof BangerError && error.code === "host.command_failed") throw namespaceError(error);
    throw error;
  }
}

function namespaceError(error: BangerError): BangerError {
  const entry =
    /no entry in \/etc\/sub[ug]id for (\S+)/.exec(error.message) ??
    /\/etc\/sub[ug]id does not contain an entry for (\S+)/.exec(error.message);
  const missingFile = /\/etc\/sub[ug]id (doesn't exist|is empty)/.test(error.message);
  if (entry !== null || missingFile) {
    const user = entry?.[1] ?? "$USER";
    return new BangerError(
      "host.unsupported",
      `no subordinate ids for ${entry?.[1] ?? "this user"} in /etc/subuid and /etc/subgid: images cannot be built unprivileged`,
      {
        hint: `sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${user}`,
        cause: error,
      },
    );
  }
  return new BangerError("host.unsupported", `this host does not let an ordinary user make a user namespace: ${error.message}`, {
    hint: "banger doctor",
    cause: error,
  });
}
