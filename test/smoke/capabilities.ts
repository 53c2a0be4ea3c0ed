// What this machine can do, as banger's own doctor sees it.
import type { Banger } from "./banger.ts";
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
  return found;
}
