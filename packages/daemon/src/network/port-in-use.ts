// What is said of a port that somebody else has: who, and what to type to get it or another. Pure.
import { BangerError, portMappingArgument, type PortMapping, type VmStatus } from "@banger/api";

/** The VM a port is opened for, or the one that has it. */
export interface PortOwner {
  readonly name: string;
  readonly status: VmStatus;
}

export type Holder =
  | { readonly kind: "vm"; readonly vmId: string; readonly name: string; readonly mapping: PortMapping }
  /** `holder`: such as `node (process 4711)`. */
  | { readonly kind: "process"; readonly holder: string; readonly pid: number }
  | { readonly kind: "unknown" };

export interface PortInUse {
  readonly wanted: PortMapping;
  readonly holder: Holder;
  readonly asker: PortOwner;
  readonly cause?: unknown;
}

export function portInUse({ wanted, holder, asker, cause }: PortInUse): BangerError {
  const { kind, ...facts } = holder;
  const by = holder.kind === "vm" ? ` by VM ${holder.name}` : holder.kind === "process" ? ` by ${holder.holder}` : "";
  return new BangerError("network.port_in_use", `port ${wanted.hostAddress}:${wanted.hostPort} is in use${by}`, {
    hint: [...freeing(wanted, holder), anotherFor(wanted, asker)].join(", or "),
    details: { ...wanted, ...(kind === "unknown" ? {} : facts) },
    ...(cause === undefined ? {} : { cause }),
  });
}

function freeing(wanted: PortMapping, holder: Holder): readonly string[] {
  switch (holder.kind) {
    case "vm":
      return [`banger vm forward ${holder.name} ${portMappingArgument(holder.mapping)} --remove`];
    case "process":
      return [];
    case "unknown":
      return [`sudo ss -ltnp 'sport = :${wanted.hostPort}' to see who has it`];
  }
}

/** How the same guest port gets a free one. */
function anotherFor(wanted: PortMapping, { name, status }: PortOwner): string {
  const free = portMappingArgument({ ...wanted, hostPort: 0 });
  if (status === "creating") return `--publish ${free} for a free port`;
  const publish = `banger vm forward ${name} ${free}`;
  // A VM that runs was just refused the port; one that starts has it written down.
  if (status === "running") return `${publish} for a free port`;
  return `banger vm forward ${name} ${portMappingArgument(wanted)} --remove && ${publish} for a free port`;
}
