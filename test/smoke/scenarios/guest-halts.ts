import assert from "node:assert/strict";
import type { Scenario } from "../scenario.ts";
import { untilStopped } from "../seen-vm.ts";

export default {
  name: "guest-halts",
  description: "halt, and halt -f -f, inside: the VM is stopped, and starts again",
  class: "pure",
  needs: [],
  async run(context) {
    const vm = await context.boot();
    for (const force of [["--force", "--force"], []]) {
      await context.banger(["vm", "exec", vm, "--", "systemctl", "halt", ...force]);
      assert.equal((await untilStopped(context, vm)).stopReason?.code, "guest_poweroff");
      if (force.length > 0) await context.ok("vm", "start", vm);
    }
  },
} satisfies Scenario;
