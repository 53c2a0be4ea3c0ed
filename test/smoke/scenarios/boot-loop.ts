import assert from "node:assert/strict";
import type { Scenario } from "../scenario.ts";

interface Vm {
  readonly status: string;
  readonly stopReason: { readonly code: string; readonly detail?: string } | null;
}

/** Reboots before the rest of the userland is begun: a boot costs little more than its kernel. */
const UNIT = `[Unit]
DefaultDependencies=no
SuccessAction=reboot-force
[Service]
Type=oneshot
ExecStart=/bin/true
`;
/** Reboots that are obeyed within five minutes. */
const LIMIT = 5;

export default {
  name: "boot-loop",
  description: "A guest that reboots at every boot is stopped at the limit, and says so",
  class: "pure",
  needs: [],
  async run({ boot, banger, ok, json, until }) {
    const vm = await boot();
    const install = "cat > /etc/systemd/system/loop.service && systemctl add-wants sysinit.target loop.service && sync";
    assert.equal((await banger(["vm", "exec", vm, "--", "sh", "-c", install], { input: UNIT })).status, 0);
    await banger(["vm", "exec", vm, "--", "systemctl", "--force", "reboot"]);
    const { stopReason } = await until(
      "it is stopped",
      async () => {
        const seen = (await json("vm", "show", vm)) as Vm;
        return seen.status === "stopped" ? seen : undefined;
      },
      280_000,
    );
    assert.equal(stopReason?.code, "reboot_loop", JSON.stringify(stopReason));
    assert.match(stopReason.detail ?? "", /rebooted 6 times within 5 minutes/);
    assert.match((await ok("vm", "list")).stdout, /stopped \(reboot loop\)/);
    const console = (await ok("vm", "logs", vm, "--source", "console")).stdout;
    assert.equal(console.match(/guest is going down: reboot/g)?.length, LIMIT + 1);
  },
} satisfies Scenario;
