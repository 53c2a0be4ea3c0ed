// What `banger` promises of a VM on every driver, as a user would see it: one scenario for each driver runs these steps.
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ScenarioContext } from "./scenario.ts";

interface Vm {
  readonly id: string;
  readonly status: string;
  readonly driver: string;
  readonly bootId: string | null;
  readonly pid: number | null;
  readonly stopReason: { readonly code: string; readonly detail?: string } | null;
}

export async function driverContract(driver: string, context: ScenarioContext): Promise<void> {
  const { boot, ok, env } = context;
  const vm = await boot("--driver", driver);
  const { id } = await show(context, vm);
  await runsCommands(driver, context, vm);
  await rebootsByItself(context, vm);
  await panics(context, vm);
  await ok("vm", "start", vm);
  await powersOff(context, vm);
  await ok("vm", "start", vm);
  await isKilled(context, vm);
  await ok("vm", "delete", vm);
  assert.ok(!(await readdir(join(env["BANGER_HOME"] ?? "", "data/vms"))).includes(id), "its directory is left");
  assert.deepEqual(await processesNaming(id), [], "a process of it is left");
}

async function runsCommands(driver: string, context: ScenarioContext, vm: string): Promise<void> {
  const { banger, ok, inGuest } = context;
  assert.equal((await show(context, vm)).driver, driver);
  assert.equal((await banger(["vm", "exec", vm, "--", "sh", "-c", "exit 7"])).status, 7);
  const echoed = await banger(["vm", "exec", vm, "--", "cat"], { input: "a line\n" });
  assert.equal(echoed.stdout, "a line\n");
  assert.equal((await ok("vm", "ssh", vm, "--", "hostname")).stdout, `${vm}\n`);
  await inGuest(vm, "sh", "-c", "echo kept > /root/file");
}

/** A new VMM on the same disks; nobody is told of a stop. */
async function rebootsByItself(context: ScenarioContext, vm: string): Promise<void> {
  const { banger, inGuest, until } = context;
  const before = await show(context, vm);
  await banger(["vm", "exec", vm, "--", "systemctl", "reboot"]);
  const after = await until(
    "it has booted again",
    async () => {
      const seen = await show(context, vm);
      assert.notEqual(seen.status, "stopped", JSON.stringify(seen.stopReason));
      return seen.status === "running" && seen.bootId !== null && seen.bootId !== before.bootId ? seen : undefined;
    },
    240_000,
  );
  assert.notEqual(after.pid, before.pid);
  assert.equal(await inGuest(vm, "cat", "/root/file"), "kept");
}

async function panics(context: ScenarioContext, vm: string): Promise<void> {
  const { banger, ok } = context;
  await banger(["vm", "exec", vm, "--", "sh", "-c", "echo c > /proc/sysrq-trigger"]);
  const { stopReason } = await stopped(context, vm);
  assert.equal(stopReason?.code, "guest_panic");
  assert.match(stopReason.detail ?? "", /Kernel panic - not syncing: sysrq triggered crash/);
  assert.match((await ok("vm", "logs", vm, "--source", "console")).stdout, /Kernel panic/);
}

async function powersOff(context: ScenarioContext, vm: string): Promise<void> {
  const { banger, inGuest } = context;
  const { pid } = await show(context, vm);
  assert.equal(await inGuest(vm, "cat", "/root/file"), "kept");
  await banger(["vm", "exec", vm, "--", "systemctl", "poweroff"]);
  assert.equal((await stopped(context, vm)).stopReason?.code, "guest_poweroff");
  // Whichever VMM outlives its guest is ended.
  assert.deepEqual(await commandLine(String(pid)), "");
}

async function isKilled(context: ScenarioContext, vm: string): Promise<void> {
  await context.ok("vm", "kill", vm);
  assert.equal((await stopped(context, vm)).stopReason?.code, "killed");
  for (const source of ["console", "agent"])
    assert.notEqual((await context.ok("vm", "logs", vm, "--source", source)).stdout, "", `the ${source} log outlives the VMM`);
}

async function show({ json }: ScenarioContext, vm: string): Promise<Vm> {
  return (await json("vm", "show", vm)) as Vm;
}

function stopped(context: ScenarioContext, vm: string): Promise<Vm> {
  const probe = async () => {
    const seen = await show(context, vm);
    return seen.status === "stopped" ? seen : undefined;
  };
  return context.until("it is stopped", probe, 120_000);
}

/** Command lines of the processes that name a VM. */
async function processesNaming(id: string): Promise<string[]> {
  const pids = (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry));
  const lines = await Promise.all(pids.map(commandLine));
  return lines.filter((line) => line.includes(id));
}

/** Empty when there is no such process, or it has ended. */
async function commandLine(pid: string): Promise<string> {
  return readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
}
