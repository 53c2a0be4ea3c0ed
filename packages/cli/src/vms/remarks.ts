// What is said of a VM when a command leaves it behind.
import type { Vm } from "@banger/api";

export function leftBehind(vm: Pick<Vm, "name" | "status">): string {
  const { name } = vm;
  if (vm.status === "running") return `${name} is still running.  enter: banger vm ssh ${name}   stop: banger vm stop ${name}   delete: banger vm delete ${name}`;
  return `${name} is ${vm.status}.  start: banger vm start ${name}   delete: banger vm delete ${name}`;
}
