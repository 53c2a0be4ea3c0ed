// The published ports of VMs as their life needs them: all of a list or none.
import type { PortMapping } from "@banger/api";
import type { ForwardSet, HostPort } from "./forwards.ts";

export class PublishedPorts {
  readonly #forwards: ForwardSet;

  constructor(forwards: ForwardSet) {
    this.#forwards = forwards;
  }

  /** Listens for all of `mappings` or for none; answers them with the ports the kernel chose. Throws `network.port_in_use`. */
  async open(vmId: string, mappings: readonly PortMapping[]): Promise<PortMapping[]> {
    const before = this.#forwards.list(vmId);
    const opened: PortMapping[] = [];
    try {
      for (const mapping of mappings) opened.push(await this.#forwards.open(vmId, mapping));
      return opened;
    } catch (error) {
      for (const mapping of opened) if (!before.includes(mapping)) await this.#forwards.close(vmId, mapping);
      throw error;
    }
  }

  /** Stops listening for one, or for all of a VM. Idempotent. */
  async close(vmId: string, only?: HostPort): Promise<void> {
    await (only === undefined ? this.#forwards.closeVm(vmId) : this.#forwards.close(vmId, only));
  }
}
