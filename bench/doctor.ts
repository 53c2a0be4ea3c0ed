// What this machine can do, as banger's own doctor sees it.
import type { Banger } from "../test/smoke/banger.ts";

export interface DoctorCheck {
  readonly id: string;
  readonly status: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

export async function doctorChecks(banger: Banger): Promise<readonly DoctorCheck[]> {
  // Its status tells of problems, which rows meet for themselves.
  const { stdout } = await banger.banger(["doctor", "--json"]);
  return (JSON.parse(stdout) as { readonly checks: readonly DoctorCheck[] }).checks;
}

export function acceleratorOf(checks: readonly DoctorCheck[]): string {
  const accelerator = checks.find(({ id }) => id === "accelerator")?.details?.["accelerator"];
  return typeof accelerator === "string" ? accelerator : "unknown";
}

/** Why no VM can run on Firecracker; undefined where one can. */
export function firecrackerObstacle(checks: readonly DoctorCheck[]): string | undefined {
  if (acceleratorOf(checks) !== "kvm") return "Firecracker needs KVM, which does not work here";
  return checks.some(({ id, status }) => id === "firecracker" && status === "ok") ? undefined : "no Firecracker that is supported is here";
}
