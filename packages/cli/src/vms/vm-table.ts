// The table of `vm list`.
import { formatPortMapping, formatSize, GIB, MIB, type Vm } from "@banger/api";
import { table } from "../output/table.ts";
import { formatAge } from "../output/times.ts";
import { formatWorkspaces } from "../workspaces/shown-workspaces.ts";

export function vmTable(vms: readonly Vm[], nowMs: number): string {
  const hasWorkspaces = vms.some(({ workspaces }) => workspaces.length > 0);
  return table(
    ["NAME", "STATUS", "IMAGE", "CPU", "MEM", "DISK", "PORTS", ...(hasWorkspaces ? ["WORKSPACE"] : []), "AGE"],
    vms.map((vm) => [
      vm.name,
      formatStatus(vm),
      vm.image,
      String(vm.vcpu),
      formatSize(vm.memoryMib * MIB),
      formatDisk(vm),
      formatPorts(vm),
      ...(hasWorkspaces ? [formatWorkspaces(vm.workspaces)] : []),
      formatAge(vm.createdAt, nowMs),
    ]),
  );
}

const REASONS: Readonly<Record<string, string>> = {
  never_started: "never started",
  killed: "killed",
  guest_poweroff: "powered off",
  guest_panic: "panic",
  crashed: "crashed",
  reboot_loop: "reboot loop",
  start_failed: "start failed",
  host_restarted: "host restarted",
};

type StatusFacts = Pick<Vm, "status" | "stopReason" | "networkLost" | "noNetwork" | "egress" | "pauseReason">;

/** `running`, `stopped (killed)`, `running (no network)`, `paused (host disk full)`; a stop on request needs no reason. */
export function formatStatus(vm: StatusFacts): string {
  if (vm.status === "running" && vm.pauseReason !== null) return "paused (host disk full)";
  const reason = vm.status === "stopped" && vm.stopReason !== null ? REASONS[vm.stopReason.code] : undefined;
  const remark = vm.status === "running" ? networkRemark(vm) : reason;
  return remark === undefined ? vm.status : `${vm.status} (${remark})`;
}

function networkRemark({ networkLost, noNetwork, egress }: StatusFacts): string | undefined {
  if (networkLost) return "network lost";
  return noNetwork === null || egress === "none" ? undefined : "no network";
}

/** `0.3/8 GiB`: taken on the host, and the most it can take. */
export function formatDisk(vm: Pick<Vm, "diskBytes" | "diskUsedBytes">): string {
  return `${(vm.diskUsedBytes / GIB).toFixed(1)}/${formatSize(vm.diskBytes)}`;
}

/** `127.0.0.1:3000→3000 0.0.0.0:8080→80 (failed)`. */
function formatPorts(vm: Pick<Vm, "forwards">): string {
  if (vm.forwards.length === 0) return "-";
  return vm.forwards.map((forward) => `${formatPortMapping(forward)}${forward.error === undefined ? "" : " (failed)"}`).join(" ");
}
