import assert from "node:assert/strict";
import type { Scenario } from "../scenario.ts";

interface Vm {
  readonly status: string;
  readonly bootId: string | null;
  readonly stopReason: { readonly code: string } | null;
}

export default {
  name: "guest-power",
  description: "A guest's own reboot boots it again, its poweroff stops the VM",
  class: "pure",
  needs: [],
  async run({ boot, banger, json, inGuest, until }) {
    const vm = await boot();
    const show = async () => (await json("vm", "show", vm)) as Vm;
    await inGuest(vm, "sh", "-c", "echo kept > /root/file");
    const { bootId } = await show();
    await banger(["vm", "exec", vm, "--", "systemctl", "reboot"]);
    await until(
      "it has booted again",
      async () => {
        const seen = await show();
        return seen.status === "running" && seen.bootId !== null && seen.bootId !== bootId ? seen : undefined;
      },
      240_000,
    );
    assert.equal(await inGuest(vm, "cat", "/root/file"), "kept");
    await banger(["vm", "exec", vm, "--", "systemctl", "poweroff"]);
    const stopped = await until(
      "it is stopped",
      async () => {
        const seen = await show();
        return seen.status === "stopped" ? seen : undefined;
      },
      120_000,
    );
    assert.equal(stopped.stopReason?.code, "guest_poweroff");
  },
} satisfies Scenario;
