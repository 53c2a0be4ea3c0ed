import assert from "node:assert/strict";
import type { Scenario } from "../scenario.ts";
import { showVm } from "../seen-vm.ts";

export default {
  name: "vmm-killed",
  description: "kill -9 of a VMM: shown as stopped (killed), start works, the data is there",
  class: "pure",
  needs: [],
  async run({ boot, ok, json, inGuest, until }) {
    const vm = await boot();
    await inGuest(vm, "sh", "-c", "echo kept > /root/file; sync");
    const { pid } = await showVm({ json }, vm);
    assert.ok(pid !== null);
    process.kill(pid, "SIGKILL");
    const stopped = await until("it is shown as stopped", async () => {
      const seen = await showVm({ json }, vm);
      return seen.status === "stopped" ? seen : undefined;
    });
    assert.equal(stopped.stopReason?.code, "killed");
    await ok("vm", "start", vm);
    assert.equal(await inGuest(vm, "cat", "/root/file"), "kept");
  },
} satisfies Scenario;
