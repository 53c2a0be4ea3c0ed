// The lines of `vm show`.
import { formatPortMapping, formatSize, MIB, type Vm } from "@banger/api";
import { keyValues } from "../output/table.ts";
import { formatAge } from "../output/times.ts";
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
    ["network", vm.egress === "none" ? "none" : vm.networkLost ? "lost: a restart brings it back" : "outbound"],
    [
      "ports",
      vm.forwards.length === 0
        ? "-"
        : vm.forwards
            .map((forward) => `${formatPortMapping(forward)}${forward.error === undefined ? "" : ` (${forward.error})`}`)
            .join(", "),
    ],
    ["pid", vm.pid === null ? "-" : String(vm.pid)],
    ["created", `${formatAge(vm.createdAt, nowMs)} ago`],
    ["started", vm.startedAt === null ? "-" : `${formatAge(vm.startedAt, nowMs)} ago`],
    ["host key", vm.sshHostKey],
  ]);
  const detail = vm.status === "stopped" ? vm.stopReason?.detail : undefined;
  return detail === undefined ? lines : `${lines}\n\n${detail.trimEnd()}`;
}
