import assert from "node:assert/strict";
import type { Scenario } from "../scenario.ts";

interface Vm {
  readonly status: string;
  readonly stopReason: { readonly code: string } | null;
}

export default {
  name: "guest-halts",
  description: "halt, and halt -f -f, inside: the VM is stopped, and starts again",
  class: "pure",
  needs: [],
  async run({ boot, ok, banger, json, until }) {
    const vm = await boot();
    for (const force of [["--force", "--force"], []]) {
      await banger(["vm", "exec", vm, "--", "systemctl", "halt", ...force]);
      const isStopped = async () => ((await json("vm", "show", vm)) as Vm).status === "stopped" || undefined;
      await until("the VM is stopped", isStopped, 180_000);
      assert.equal(((await json("vm", "show", vm)) as Vm).stopReason?.code, "guest_poweroff");
      if (force.length > 0) await ok("vm", "start", vm);
    }
  },
} satisfies Scenario;
