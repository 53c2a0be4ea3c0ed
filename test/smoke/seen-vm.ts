// What scenarios ask of a VM, and the turns of its life that they wait for.
import assert from "node:assert/strict";
import type { Vm } from "@banger/api";
import type { ScenarioContext } from "./scenario.ts";

export async function showVm({ json }: Pick<ScenarioContext, "json">, name: string): Promise<Vm> {
  return (await json("vm", "show", name)) as Vm;
}

export async function listVms({ json }: Pick<ScenarioContext, "json">): Promise<readonly Vm[]> {
  return (await json("vm", "list")) as readonly Vm[];
}

export async function bootIdIn({ inGuest }: Pick<ScenarioContext, "inGuest">, name: string): Promise<string> {
  return await inGuest(name, "cat", "/proc/sys/kernel/random/boot_id");
}

/** A stopped VM with the reason it has. */
export async function untilStopped(context: ScenarioContext, name: string): Promise<Vm> {
  const probe = async () => {
    const seen = await showVm(context, name);
    return seen.status === "stopped" ? seen : undefined;
  };
  return await context.until(`${name} is stopped`, probe, 120_000);
}

/** After its guest rebooted: a new VMM on the same disks, and nobody is told of a stop. */
export async function untilBootedAgain(context: ScenarioContext, before: Vm): Promise<Vm> {
  const probe = async () => {
    const seen = await showVm(context, before.name);
    assert.notEqual(seen.status, "stopped", JSON.stringify(seen.stopReason));
    return seen.status === "running" && seen.bootId !== null && seen.bootId !== before.bootId ? seen : undefined;
  };
  const after = await context.until(`${before.name} has booted again`, probe, 240_000);
  assert.notEqual(after.pid, before.pid);
  return after;
}
