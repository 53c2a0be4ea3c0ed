// What is said of a VM when a command leaves it behind.
import type { Vm } from "@banger/api";

type Left = Pick<Vm, "name" | "status">;

/** After a session in it. */
export function leftBehind(vm: Left): string {
  return vm.status === "running" ? `${vm.name} is still running.  ${steps(vm)}` : nextSteps(vm);
}

/** After it was made. */
export function nextSteps(vm: Left): string {
  return `${vm.name} is ${vm.status}.  ${steps(vm)}`;
}

function steps({ name, status }: Left): string {
  if (status !== "running") return `start: banger vm start ${name}   delete: banger vm delete ${name}`;
  return `enter: banger vm ssh ${name}   stop: banger vm stop ${name}   delete: banger vm delete ${name}`;
}
