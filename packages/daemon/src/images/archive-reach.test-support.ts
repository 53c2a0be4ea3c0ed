// Whether Debian's archive can be reached at all, asked of apt itself, with the host's mirror and proxy.
import { execFile } from "node:child_process";
import { access, constants, mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { readHostApt } from "./host-apt.ts";
import { kernelOnly } from "./test-builder.ts";

const APT_HELPER = "/usr/lib/apt/apt-helper";
const TIMEOUT_S = 20;

/** What apt says when it gets no connection, and nothing else: a missing file or a bad signature is no lack of network. */
const NO_CONNECTION =
  /Could not resolve|Temporary failure resolving|Could not connect|Cannot initiate the connection|Unable to connect|Network is unreachable|Connection (?:timed out|failed|refused)/;

/** Why the archive that builds take packages from cannot be reached; undefined when it can, or apt cannot tell. */
export async function archiveObstacle(): Promise<string | undefined> {
  const { recipe } = await kernelOnly();
  const { sources } = await readHostApt("/etc/apt", recipe, new AbortController().signal);
  return await obstacleTo(/ (\w+:\S+) /.exec(sources[0] ?? "")?.[1] ?? "http://deb.debian.org/debian", recipe.suite);
}

export async function obstacleTo(archive: string, suite: string): Promise<string | undefined> {
  if (!(await isProgram(APT_HELPER))) return undefined;
  await using scratch = await mkdtempDisposable(join(tmpdir(), "banger-archive-"));
  // A proxy of the host's has nothing to do with its loopback.
  const settings = ["Acquire::Retries=0", `Acquire::http::Timeout=${TIMEOUT_S}`, "Acquire::http::Proxy::127.0.0.1=DIRECT"];
  const options = settings.flatMap((setting) => ["-o", setting]);
  const args = [...options, "download-file", `${archive}/dists/${suite}/InRelease`, join(scratch.path, "InRelease")];
  try {
    await promisify(execFile)(APT_HELPER, args, { env: { ...process.env, LC_ALL: "C" } });
    return undefined;
  } catch (error) {
    const { stdout, stderr } = error as { readonly stdout?: string; readonly stderr?: string };
    const line = `${stderr ?? ""}\n${stdout ?? ""}`.split("\n").find((each) => NO_CONNECTION.test(each));
    return line === undefined ? undefined : `missing: Debian's archive cannot be reached (${line.replace(/^\S+ /, "").trim()})`;
  }
}

async function isProgram(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
