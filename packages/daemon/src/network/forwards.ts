// Published ports: listeners on the host whose connections are handed to a port in a guest, by way of the agent (`dial`). No
// route to the guest is needed, and a guest's firewall has no say: the agent connects from inside.
import { createServer, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { BangerError, type PortMapping } from "@banger/api";
import { joinStreams } from "@banger/host";
import { findPortHolder } from "./port-holder.ts";
import { portInUse, type Holder, type PortOwner } from "./port-in-use.ts";

export interface ForwardDeps {
  /** A connection to `address` inside the guest. */
  dial(vmId: string, address: string, signal: AbortSignal): Promise<Duplex>;
  /** The VM as its owner knows it, for error messages. */
  describe(vmId: string): PortOwner;
  /** Told of a connection that could not be handed on. */
  reportFailure(vmId: string, mapping: PortMapping, error: unknown): void;
}

/** Where it listens: one number may be published on several addresses. */
export type HostPort = Pick<PortMapping, "hostAddress" | "hostPort">;

interface Forward {
  readonly vmId: string;
  /** With the port the kernel chose where 0 was asked for. */
  readonly mapping: PortMapping;
  readonly server: Server;
  readonly connections: Set<Socket>;
}

export class ForwardSet implements AsyncDisposable {
  readonly #deps: ForwardDeps;
  readonly #forwards = new Set<Forward>();

  constructor(deps: ForwardDeps) {
    this.#deps = deps;
  }

  /**
   * Listens, and answers the mapping with the port that was really taken (host port 0: the kernel's choice). Idempotent for
   * the same VM and mapping. Throws `network.port_in_use` naming the holder where it can be known, or `network.setup_failed`.
   */
  async open(vmId: string, wanted: PortMapping): Promise<PortMapping> {
    const taken = this.#find(wanted);
    if (taken?.vmId === vmId && taken.mapping.guestPort === wanted.guestPort) return taken.mapping;
    if (taken !== undefined) throw portInUse({ wanted, holder: this.#vmHolding(taken), asker: this.#deps.describe(vmId) });
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
    const connections = new Set<Socket>();
    const hostPort = await this.#listen(server, vmId, wanted);
    const mapping = { ...wanted, hostPort };
    const forward = { vmId, mapping, server, connections };
    server.on("connection", (socket) => this.#accept(forward, socket));
    server.on("error", (error) => this.#deps.reportFailure(vmId, mapping, error));
    this.#forwards.add(forward);
    return mapping;
  }

  list(vmId: string): readonly PortMapping[] {
    return [...this.#forwards].filter((forward) => forward.vmId === vmId).map(({ mapping }) => mapping);
  }

  /** Stops listening on one port of a VM and ends its connections. Idempotent. */
  async close(vmId: string, which: HostPort): Promise<void> {
    await this.#closeAll([...this.#forwards].filter((forward) => forward.vmId === vmId && isOn(which, forward.mapping)));
  }

  /** Ends everything published for a VM. Idempotent. */
  async closeVm(vmId: string): Promise<void> {
    await this.#closeAll([...this.#forwards].filter((forward) => forward.vmId === vmId));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#closeAll([...this.#forwards]);
  }

  async #listen(server: Server, vmId: string, wanted: PortMapping): Promise<number> {
    try {
      return await listen(server, wanted);
    } catch (error) {
      const cause = error as NodeJS.ErrnoException;
      if (cause.code !== "EADDRINUSE") throw listenError(wanted, cause);
      const found = await findPortHolder(wanted.hostAddress, wanted.hostPort);
      const holder = found === undefined ? ({ kind: "unknown" } as const) : ({ kind: "process", ...found } as const);
      throw portInUse({ wanted, holder, asker: this.#deps.describe(vmId), cause });
    }
  }

  #vmHolding({ vmId, mapping }: Forward): Holder {
    return { kind: "vm", vmId, name: this.#deps.describe(vmId).name, mapping };
  }

  #find(wanted: PortMapping): Forward | undefined {
    if (wanted.hostPort === 0) return undefined;
    return [...this.#forwards].find(
      ({ mapping }) => mapping.hostPort === wanted.hostPort && overlaps(mapping.hostAddress, wanted.hostAddress),
    );
  }

  async #closeAll(forwards: readonly Forward[]): Promise<void> {
    await Promise.all(
      forwards.map(async ({ server, connections }) => {
        const closed = new Promise<void>((resolve) => server.close(() => resolve()));
        for (const socket of connections) socket.resetAndDestroy();
        await closed;
      }),
    );
    for (const forward of forwards) this.#forwards.delete(forward);
  }

  #accept(forward: Forward, socket: Socket): void {
    const hangUp = new AbortController();
    forward.connections.add(socket);
    socket.setNoDelay(true);
    socket.once("close", () => {
      forward.connections.delete(socket);
      hangUp.abort();
    });
    // Until the guest has answered, the dial's own error or the close is what tells.
    socket.on("error", () => hangUp.abort());
    this.#handOver(forward, socket, hangUp.signal).catch((error: unknown) => {
      const isOurs = hangUp.signal.aborted;
      socket.resetAndDestroy();
      if (!isOurs) this.#deps.reportFailure(forward.vmId, forward.mapping, error);
    });
  }

  async #handOver(forward: Forward, socket: Socket, signal: AbortSignal): Promise<void> {
    const guest = await this.#deps.dial(forward.vmId, `127.0.0.1:${forward.mapping.guestPort}`, signal);
    joinStreams(socket, guest);
  }
}

async function listen(server: Server, wanted: PortMapping): Promise<number> {
  const listening = Promise.withResolvers<void>();
  const onError = (error: Error) => listening.reject(error);
  server.once("error", onError);
  server.listen({ host: wanted.hostAddress, port: wanted.hostPort, exclusive: true }, () => listening.resolve());
  await listening.promise;
  server.off("error", onError);
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("a TCP listener has a port");
  return address.port;
}

function listenError(wanted: PortMapping, error: NodeJS.ErrnoException): BangerError {
  const where = `${wanted.hostAddress}:${wanted.hostPort}`;
  switch (error.code) {
    case "EACCES":
      return new BangerError("network.setup_failed", `port ${where} may be opened by root only`, {
        hint: `publish a port from 1024 on, such as ${8000 + (wanted.hostPort % 1000)}:${wanted.guestPort}, or: sudo sysctl -w net.ipv4.ip_unprivileged_port_start=${wanted.hostPort}`,
        details: { ...wanted },
        cause: error,
      });
    case "EADDRNOTAVAIL":
      return new BangerError("network.setup_failed", `${wanted.hostAddress} is not an address of this host`, {
        hint: "publish on 127.0.0.1, 0.0.0.0 or an address that `ip address` shows",
        details: { ...wanted },
        cause: error,
      });
    default:
      return new BangerError("network.setup_failed", `port ${where} cannot be opened: ${error.message}`, {
        details: { ...wanted },
        cause: error,
      });
  }
}

function isOn(one: HostPort, other: HostPort): boolean {
  return one.hostAddress === other.hostAddress && one.hostPort === other.hostPort;
}

function overlaps(one: string, other: string): boolean {
  return one === other || one === "0.0.0.0" || other === "0.0.0.0";
}
