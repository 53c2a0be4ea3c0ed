import assert from "node:assert/strict";
import { isAlive } from "../processes.ts";
import type { Scenario, ScenarioContext } from "../scenario.ts";
import { bootIdIn, showVm, untilStopped } from "../seen-vm.ts";

export default {
  name: "kill",
  description: "A signal to the VMM: stopped as killed and startable again, or paused by STOP until CONT",
  class: "pure",
  needs: [],
  async run(context) {
    const { boot, ok, inGuest } = context;
    const vm = await boot();
    await inGuest(vm, "sh", "-c", "echo kept > /root/file; sync");
    await standsStill(context, vm);
    await isRefused(context, vm);
    for (const flags of [["--signal", "TERM"], ["-s", "sigint"], []]) {
      await ends(context, vm, flags);
      await ok("vm", "start", vm);
    }
    assert.equal(await inGuest(vm, "cat", "/root/file"), "kept");
    await oneOfTwo(context, vm);
  },
} satisfies Scenario;

async function standsStill(context: ScenarioContext, vm: string): Promise<void> {
  const { ok } = context;
  const before = await bootIdIn(context, vm);
  assert.equal((await ok("vm", "kill", vm, "--signal", "STOP")).stdout, `${vm} stands still\n`);
  let hasAnswered = false;
  const answer = bootIdIn(context, vm).finally(() => (hasAnswered = true));
  // Awaited below; what fails before is what is told.
  answer.catch(() => undefined);
  // A guest that runs answers faster than two banger begin and end.
  for (let asked = 0; asked < 2; asked += 1) assert.equal((await showVm(context, vm)).status, "running");
  assert.equal(hasAnswered, false, "a guest that stands still does not answer");
  assert.equal((await ok("vm", "kill", vm, "--signal", "CONT")).stdout, `${vm} goes on\n`);
  assert.equal(await answer, before, "it is the same boot");
}

async function isRefused({ banger }: ScenarioContext, vm: string): Promise<void> {
  const unknown = await banger(["vm", "kill", vm, "--signal", "NOPE"]);
  assert.deepEqual([unknown.status, unknown.stdout], [2, ""]);
  assert.match(unknown.stderr, /^error: --signal: "NOPE" is not a signal\n {2}try: write its name, as KILL or TERM$/m);
}

async function ends(context: ScenarioContext, vm: string, flags: readonly string[]): Promise<void> {
  const { ok, until } = context;
  const { pid } = await showVm(context, vm);
  assert.ok(pid !== null && (await isAlive(pid)));
  assert.equal((await ok("vm", "kill", vm, ...flags)).stdout, `${vm} killed\n`);
  assert.equal((await untilStopped(context, vm)).stopReason?.code, "killed", flags.join(" "));
  assert.match((await ok("vm", "list")).stdout, new RegExp(`^${vm} +stopped \\(killed\\) `, "m"));
  await until("its VMM is gone", async () => ((await isAlive(pid)) ? undefined : true));
}

/** A name that is none does not stop the other; a VM that is stopped is told to be. */
async function oneOfTwo(context: ScenarioContext, vm: string): Promise<void> {
  const { banger } = context;
  const two = await banger(["vm", "kill", vm, "nope"]);
  assert.deepEqual([two.status, two.stdout], [1, `${vm} killed\n`]);
  assert.match(two.stderr, /^error: .*no VM is called "nope"\n {2}try: banger vm list$/m);
  assert.equal((await untilStopped(context, vm)).stopReason?.code, "killed");
  const again = await banger(["vm", "kill", vm]);
  assert.equal(again.status, 1);
  assert.match(again.stderr, new RegExp(`^error: .*${vm} is not running .*\\n {2}try: banger vm start ${vm}$`, "m"));
}
