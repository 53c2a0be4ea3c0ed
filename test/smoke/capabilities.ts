// What this machine can do, as banger's own doctor sees it.
import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runProgram, type Banger } from "./banger.ts";
import type { Capability } from "./scenario.ts";

interface Check {
  readonly id: string;
  readonly status: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

export async function capabilitiesOf(banger: Banger, uid: number): Promise<ReadonlySet<Capability>> {
  const { stdout } = await banger.banger(["doctor", "--json"]);
  const { checks } = JSON.parse(stdout) as { readonly checks: readonly Check[] };
  const found = new Set<Capability>();
  const isOk = (id: string) => checks.some((check) => check.id === id && check.status === "ok");
  const kvm = checks.some((check) => check.id === "accelerator" && check.details?.["accelerator"] === "kvm");
  if (isOk("network")) found.add("network");
  if (kvm) found.add("kvm");
  if (kvm && isOk("firecracker")) found.add("firecracker");
  if (await reachesArchive(banger)) found.add("archive");
  if (uid === 0) found.add("root");
  if (uid === 0 && (await canMount(banger))) found.add("mount");
  return found;
}

/** Asked of the host's own apt, with its mirror and proxy; a host without apt is taken to reach what there is. */
async function reachesArchive({ env }: Banger): Promise<boolean> {
  const run = (...argv: readonly string[]) => runProgram(argv, { env, signal: AbortSignal.timeout(60_000) });
  await using scratch = await mkdtempDisposable(join(tmpdir(), "banger-archive-"));
  try {
    const { stdout } = await run("apt-get", "indextargets", "--format", "$(SITE)/dists/$(RELEASE)/InRelease");
    const [release] = stdout.split("\n");
    if (release === undefined || release === "") return true;
    const options = ["-o", "Acquire::Retries=0", "-o", "Acquire::http::Timeout=20"];
    return (await run("/usr/lib/apt/apt-helper", ...options, "download-file", release, join(scratch.path, "release"))).status === 0;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT";
  }
}

/** Root of a container often may not. Tried where nobody sees it. */
async function canMount({ env }: Banger): Promise<boolean> {
  const argv = ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"];
  const tried = runProgram(argv, { env, signal: AbortSignal.timeout(10_000) });
  return tried.then(
    ({ status }) => status === 0,
    () => false,
  );
}
