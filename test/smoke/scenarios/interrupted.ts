import assert from "node:assert/strict";
import { RunningBanger } from "../running-banger.ts";
import type { Scenario } from "../scenario.ts";
import { listVms } from "../seen-vm.ts";

export default {
  name: "interrupted",
  description: "Ctrl-C during the boot undoes it; Ctrl-C and kill -9 during a --rm command still delete the VM",
  class: "pure",
  needs: [],
  async run(context) {
    const { name, until } = context;
    const vm = name();
    const start = (...argv: string[]) => new RunningBanger(context, ["vm", "run", "--rm", "--name", vm, "--memory", "1G", "--", ...argv]);
    const isThere = async () => (await listVms(context)).some((each) => each.name === vm);
    const gone = () => until("the VM is gone", async () => ((await isThere()) ? undefined : true), 30_000);

    await using booting = start("true");
    await until("it boots", isThere);
    booting.kill("SIGINT");
    assert.equal((await booting.ended).status, 130);
    await gone();

    // exec: a signal that comes while dash is in its vfork is lost to it.
    for (const signal of ["SIGINT", "SIGKILL"] as const) {
      await using running = start("sh", "-c", "echo up; exec sleep 600");
      await running.untilSays("up\n");
      running.kill(signal);
      await running.ended;
      await gone();
    }
  },
} satisfies Scenario;
