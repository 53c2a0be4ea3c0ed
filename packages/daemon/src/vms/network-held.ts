// What a VM holds of the network, as its journal says: its part, or why it runs without one.
import type { Vm } from "@banger/api";
import type { Attachment } from "../network/contract.ts";
import type { Journal } from "../state/journal.ts";

/** In place of an attachment, where the host had none to give when the VM was started. */
export interface WithoutNetwork {
  readonly noNetwork: NonNullable<Vm["noNetwork"]>;
}

/** The VM's part; null while it has none. */
export function attachmentOf(journal: Journal, vmId: string): Attachment | null {
  const detail = detailOf(journal, vmId);
  return detail === null || "noNetwork" in detail ? null : detail;
}

/** Why the VM was started without; null when it was not. */
export function noNetworkOf(journal: Journal, vmId: string): Vm["noNetwork"] {
  const detail = detailOf(journal, vmId);
  return detail !== null && "noNetwork" in detail ? detail.noNetwork : null;
}

/** Whether the VM may have a part: one whose making was cut short may. */
export function mayHoldNetwork(journal: Journal, vmId: string): boolean {
  const resource = journal.of(vmId).get("network");
  return resource !== undefined && (resource.state === "intended" || attachmentOf(journal, vmId) !== null);
}

function detailOf(journal: Journal, vmId: string): Attachment | WithoutNetwork | null {
  return (journal.of(vmId).get("network")?.detail ?? null) as Attachment | WithoutNetwork | null;
}
