// The lines of `vm show`.
import { formatPortMapping, formatSize, MIB, type Vm } from "@banger/api";
import { keyValues } from "../output/table.ts";
import { formatAge } from "../output/times.ts";
import { describeWorkspaces } from "../workspaces/shown-workspaces.ts";
import { formatDisk, formatStatus } from "./vm-table.ts";

export function vmDetails(vm: Vm, nowMs: number): string {
  const lines = keyValues([
    ["name", vm.name],
    ["id", vm.id],
    ["status", formatStatus(vm)],
    ["ready", vm.readiness.length === 0 ? "-" : vm.readiness.join(", ")],
    ["image", `${vm.image} (${vm.imageDigest})`],
    ["cpu", String(vm.vcpu)],
    ["memory", formatSize(vm.memoryMib * MIB)],
    ["disk", formatDisk(vm)],
    ["driver", vm.accelerator === null ? vm.driver : `${vm.driver}/${vm.accelerator}`],
    ["address", vm.address ?? "-"],
    ["network", formatNetwork(vm)],
    [
      "ports",
      vm.forwards.length === 0
        ? "-"
        : vm.forwards
            .map((forward) => `${formatPortMapping(forward)}${forward.error === undefined ? "" : ` (${forward.error})`}`)
            .join(", "),
    ],
    ...(vm.workspaces.length === 0 ? [] : [["workspace", describeWorkspaces(vm.workspaces)] as const]),
    ["pid", vm.pid === null ? "-" : String(vm.pid)],
    ["created", `${formatAge(vm.createdAt, nowMs)} ago`],
    ["started", vm.startedAt === null ? "-" : `${formatAge(vm.startedAt, nowMs)} ago`],
    ["host key", vm.sshHostKey],
  ]);
  const detail = vm.status === "stopped" ? vm.stopReason?.detail : undefined;
  return detail === undefined ? lines : `${lines}\n\n${detail.trimEnd()}`;
}

function formatNetwork({ name, egress, networkLost, noNetwork }: Vm): string {
  if (egress === "none") return "none";
  if (noNetwork !== null) return `none: ${noNetwork.reason}. Fix it: ${noNetwork.fix}, then: banger vm restart ${name}`;
  return networkLost ? `lost. Bring it back: banger vm restart ${name}` : "outbound";
}
