// What this machine can do, as banger's own doctor sees it.
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
  if (uid === 0) found.add("root");
  if (uid === 0 && (await canMount(banger))) found.add("mount");
  return found;
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
