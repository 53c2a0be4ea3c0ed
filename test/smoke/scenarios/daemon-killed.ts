import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { greetingOn } from "../ports.ts";
import { isAlive, processesNaming } from "../processes.ts";
import { RunningBanger } from "../running-banger.ts";
import type { Scenario, ScenarioContext } from "../scenario.ts";
import { bootIdIn, listVms, showVm } from "../seen-vm.ts";

export default {
  name: "daemon-killed",
  description: "kill -9 of the daemon: VMs run on and answer, a --rm caller is told, a boot cut short leaves nothing",
  class: "global",
  needs: [],
  async run(context) {
    await runsOn(context);
    await callerIsTold(context);
    await bootIsUndone(context);
  },
} satisfies Scenario;

async function runsOn(context: ScenarioContext): Promise<void> {
  const { boot, ok, inGuest, until } = context;
  const vm = await boot("--publish", "0:22");
  const before = await showVm(context, vm);
  const bootId = await bootIdIn(context, vm);
  const killed = await killDaemon(context);
  assert.equal(await bootIdIn(context, vm), bootId);
  assert.notEqual(await daemonPid(context), killed);
  const { status, pid, forwards, address } = await showVm(context, vm);
  assert.deepEqual(
    { status, pid, forwards, address },
    { status: "running", pid: before.pid, forwards: before.forwards, address: before.address },
  );
  assert.equal((await ok("vm", "ssh", vm, "--", "echo", "in")).stdout, "in\n");
  const port = forwards[0]?.hostPort ?? 0;
  assert.match(await until("the published port answers", () => greetingOn(port)), /^SSH-2\.0-/);
  if (before.noNetwork === null) await inGuest(vm, "ping", "-c", "1", "-W", "10", "172.16.0.1");
}

async function callerIsTold(context: ScenarioContext): Promise<void> {
  const vm = context.name("rm");
  await using caller = run(context, vm, "sh", "-c", "echo up; exec sleep 600");
  await caller.untilSays("up\n");
  await killDaemon(context);
  const { status, stderr } = await caller.ended;
  assert.equal(status, 125);
  assert.match(stderr, /^error: the connection to the guest ended before sh told its status$/m);
  assert.equal(
    (await listVms(context)).find(({ name }) => name === vm),
    undefined,
    "it was deleted all the same",
  );
}

async function bootIsUndone(context: ScenarioContext): Promise<void> {
  const { env, until } = context;
  const vm = context.name("boot");
  await using caller = run(context, vm, "true");
  const row = async () => (await listVms(context)).find(({ name }) => name === vm);
  const { id } = await until("its VMM is started", async () => {
    const seen = await row();
    return seen !== undefined && (await processesNaming(seen.id)).length > 0 ? seen : undefined;
  });
  await killDaemon(context);
  const { status, stderr } = await caller.ended;
  assert.equal(status, 125);
  assert.match(stderr, /^error: the daemon ended the answer before its result\n {2}try: banger daemon logs$/m);
  await until("its row is gone", async () => ((await row()) === undefined ? true : undefined));
  await until("its processes are gone", async () => ((await processesNaming(id)).length === 0 ? true : undefined));
  assert.ok(!(await readdir(join(env["BANGER_HOME"] ?? "", "data/vms"))).includes(id), "its directory is left");
}

function run(context: ScenarioContext, vm: string, ...argv: readonly string[]): RunningBanger {
  return new RunningBanger(context, ["vm", "run", "--rm", "--name", vm, "--memory", "512M", "--", ...argv]);
}

/** Answers the pid it had. */
async function killDaemon(context: ScenarioContext): Promise<number> {
  const pid = await daemonPid(context);
  process.kill(pid, "SIGKILL");
  await context.until("the daemon is gone", async () => ((await isAlive(pid)) ? undefined : true));
  return pid;
}

async function daemonPid({ json }: ScenarioContext): Promise<number> {
  return ((await json("daemon", "status")) as { readonly pid: number }).pid;
}
