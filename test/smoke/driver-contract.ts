// What `banger` promises of a VM on every driver, as a user would see it: one scenario for each driver runs these steps.
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { isAlive, processesNaming } from "./processes.ts";
import type { ScenarioContext } from "./scenario.ts";
import { showVm, untilBootedAgain, untilStopped } from "./seen-vm.ts";

export async function driverContract(driver: string, context: ScenarioContext): Promise<void> {
  const { boot, ok, env, until } = context;
  const vm = await boot("--driver", driver);
  const { id } = await showVm(context, vm);
  await runsCommands(driver, context, vm);
  await rebootsByItself(context, vm);
  await panics(context, vm);
  await ok("vm", "start", vm);
  await powersOff(context, vm);
  await ok("vm", "start", vm);
  await isKilled(context, vm);
  await ok("vm", "delete", vm);
  assert.ok(!(await readdir(join(env["BANGER_HOME"] ?? "", "data/vms"))).includes(id), "its directory is left");
  await until("its processes are gone", async () => ((await processesNaming(id)).length === 0 ? true : undefined));
}

async function runsCommands(driver: string, context: ScenarioContext, vm: string): Promise<void> {
  const { banger, ok, inGuest } = context;
  assert.equal((await showVm(context, vm)).driver, driver);
  assert.equal((await banger(["vm", "exec", vm, "--", "sh", "-c", "exit 7"])).status, 7);
  const echoed = await banger(["vm", "exec", vm, "--", "cat"], { input: "a line\n" });
  assert.equal(echoed.stdout, "a line\n");
  assert.equal((await ok("vm", "ssh", vm, "--", "hostname")).stdout, `${vm}\n`);
  await inGuest(vm, "sh", "-c", "echo kept > /root/file");
}

async function rebootsByItself(context: ScenarioContext, vm: string): Promise<void> {
  const { banger, inGuest } = context;
  const before = await showVm(context, vm);
  await banger(["vm", "exec", vm, "--", "systemctl", "reboot"]);
  await untilBootedAgain(context, before);
  assert.equal(await inGuest(vm, "cat", "/root/file"), "kept");
}

async function panics(context: ScenarioContext, vm: string): Promise<void> {
  const { banger, ok } = context;
  await banger(["vm", "exec", vm, "--", "sh", "-c", "echo c > /proc/sysrq-trigger"]);
  const { stopReason } = await untilStopped(context, vm);
  assert.equal(stopReason?.code, "guest_panic");
  assert.match(stopReason.detail ?? "", /Kernel panic - not syncing: sysrq triggered crash/);
  assert.match((await ok("vm", "logs", vm, "--source", "console")).stdout, /Kernel panic/);
}

async function powersOff(context: ScenarioContext, vm: string): Promise<void> {
  const { banger, inGuest, until } = context;
  const { pid } = await showVm(context, vm);
  assert.equal(await inGuest(vm, "cat", "/root/file"), "kept");
  await banger(["vm", "exec", vm, "--", "systemctl", "poweroff"]);
  assert.equal((await untilStopped(context, vm)).stopReason?.code, "guest_poweroff");
  assert.ok(pid !== null);
  // Whichever VMM outlives its guest is ended.
  await until("its VMM is gone", async () => ((await isAlive(pid)) ? undefined : true));
}

async function isKilled(context: ScenarioContext, vm: string): Promise<void> {
  await context.ok("vm", "kill", vm);
  assert.equal((await untilStopped(context, vm)).stopReason?.code, "killed");
  for (const source of ["console", "agent"])
    assert.notEqual((await context.ok("vm", "logs", vm, "--source", source)).stdout, "", `the ${source} log outlives the VMM`);
}
