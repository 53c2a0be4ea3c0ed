import assert from "node:assert/strict";
import type { Vm } from "@banger/api";
import type { Scenario, ScenarioContext } from "../scenario.ts";
import { bootIdIn, listVms, showVm } from "../seen-vm.ts";
import { SIZE } from "../vm-size.ts";

export default {
  name: "detach",
  description: "run -d prints the name and is done; the VM outlives the daemon; what does not go with -d is refused and makes none",
  class: "global",
  needs: [],
  async run(context) {
    const { banger, ok, inGuest, name } = context;
    await isRefused(context);
    const vm = name();
    const ran = await banger(["vm", "run", "-d", "--name", vm, ...SIZE]);
    assert.deepEqual([ran.status, ran.stdout], [0, `${vm}\n`], ran.stderr);
    assert.equal(await inGuest(vm, "echo", "at once"), "at once");

    const { pid } = await showVm(context, vm);
    const before = await bootIdIn(context, vm);
    await ok("daemon", "stop");
    assert.match((await banger(["daemon", "status"])).stdout, /^not running/);
    assert.equal(await bootIdIn(context, vm), before);
    assert.equal((await showVm(context, vm)).pid, pid);

    const other = name("json");
    const told = await ok("vm", "run", "-d", "--name", other, "--memory", "512M", "--wait", "agent", "--json");
    const { name: itsName, id, status } = JSON.parse(told.stdout) as Vm;
    assert.deepEqual([itsName, status], [other, "running"]);
    assert.equal((await showVm(context, other)).id, id);
  },
} satisfies Scenario;

async function isRefused(context: ScenarioContext): Promise<void> {
  const { banger, name, repository } = context;
  const before = (await listVms(context)).map(({ id }) => id);
  const vm = name("refused");
  for (const [args, sentence] of [
    [["-d", "--rm"], /^error: --detach and --rm exclude each other: a detached VM has no end to be deleted at$/m],
    [["-d", "--", "true"], /^error: --detach takes no command$/m],
    [[repository, "-d", "--", "true"], /^error: --detach takes no command$/m],
    [["--json"], /--json needs --detach or --dry-run: otherwise the output is the guest's/],
  ] as const) {
    const { status, stdout, stderr } = await banger(["vm", "run", "--name", vm, ...args]);
    assert.deepEqual([status, stdout], [2, ""], args.join(" "));
    assert.match(stderr, sentence);
  }
  assert.deepEqual(
    (await listVms(context)).map(({ id }) => id),
    before,
  );
}
