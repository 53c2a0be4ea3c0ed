import assert from "node:assert/strict";
import type { Scenario } from "../scenario.ts";
import { showVm } from "../seen-vm.ts";

export default {
  name: "failed-boot",
  description: "A guest that panics at boot: the error says so, the VM is kept, its logs tell why",
  class: "pure",
  needs: [],
  async run(context) {
    const { banger, ok, name } = context;
    const vm = name();
    const result = await banger(["vm", "run", "--rm", "--name", vm, "--memory", "80", "--", "true"]);
    assert.deepEqual([result.status, result.stdout], [125, ""]);
    // How far it came, the cause, and where to look.
    assert.match(
      result.stderr,
      /^error: the guest's agent did not answer: .*"\[.*\] Kernel panic - not syncing: System is deadlocked on memory"/m,
    );
    assert.match(
      result.stderr,
      new RegExp(`^ {2}try: the VM is kept for a look: banger vm logs ${vm} +remove it: banger vm delete ${vm}`, "m"),
    );
    const kept = await showVm(context, vm);
    assert.equal(kept.status, "stopped");
    assert.equal(kept.stopReason?.code, "start_failed");
    assert.match(kept.stopReason.detail ?? "", /Kernel panic - not syncing/);
    assert.match((await ok("vm", "logs", vm)).stdout, /Kernel panic - not syncing/);
  },
} satisfies Scenario;
