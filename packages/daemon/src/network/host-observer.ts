// The host as the guests' rules need it, and whether it has changed. Resolvers are asked for a sign of life only when their
// list changes and now and then, not at every look.
import type { Subnet } from "./contract.ts";
import { candidates, planDns, type DnsPlan, type ResolverView } from "./dns-plan.ts";
import type { HostView } from "./host-view.ts";

const probeAgainMs = 60_000;

export interface HostState {
  readonly dns: DnsPlan;
  readonly addresses: readonly string[];
}

export class HostObserver {
  readonly #host: HostView;
  readonly #subnet: Subnet;
  #probed: { readonly servers: string; readonly at: number; readonly answering: ReadonlySet<string> } | undefined;

  constructor(host: HostView, subnet: Subnet) {
    this.#host = host;
    this.#subnet = subnet;
  }

  async look(): Promise<HostState> {
    const view = await this.#host.resolvers();
    const dns = planDns(view, this.#subnet, await this.#answering(view));
    return { dns, addresses: (await this.#host.addresses()).toSorted() };
  }

  async #answering(view: ResolverView): Promise<ReadonlySet<string>> {
    const servers = candidates(view, this.#subnet);
    const key = servers.join(" ");
    if (this.#probed?.servers === key && performance.now() - this.#probed.at < probeAgainMs) return this.#probed.answering;
    const alive = await Promise.all(servers.map(async (server) => ((await this.#host.answers(server)) ? [server] : [])));
    const answering = new Set(alive.flat());
    this.#probed = { servers: key, at: performance.now(), answering };
    return answering;
  }
}
