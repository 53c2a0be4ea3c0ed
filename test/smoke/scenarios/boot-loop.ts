import assert from "node:assert/strict";
import type { Scenario } from "../scenario.ts";
import { showVm } from "../seen-vm.ts";

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
/** For each boot, so that a slow machine has time for all of them and one that hangs is seen soon. */
const BOOT_MS = 90_000;

export default {
  name: "boot-loop",
  description: "A guest that reboots at every boot is stopped at the limit, and says so",
  // Six boots must fall within five minutes: nothing else may compete.
  class: "global",
  needs: [],
  async run({ boot, banger, ok, json, until }) {
    const vm = await boot();
    const install = "cat > /etc/systemd/system/loop.service && systemctl add-wants sysinit.target loop.service && sync";
    assert.equal((await banger(["vm", "exec", vm, "--", "sh", "-c", install], { input: UNIT })).status, 0);
    await banger(["vm", "exec", vm, "--", "systemctl", "--force", "reboot"]);
    const show = async () => await showVm({ json }, vm);
    let seen = await show();
    for (let reboots = 0; seen.status !== "stopped"; reboots += 1) {
      assert.ok(reboots <= LIMIT, `it runs after ${reboots} reboots: do fewer fall within five minutes here?`);
      const { pid } = seen;
      const next = async () => {
        const now = await show();
        return now.status === "stopped" || (now.pid !== null && now.pid !== pid) ? now : undefined;
      };
      seen = await until(`it is stopped or boots again, after ${reboots} reboots`, next, BOOT_MS);
    }
    const { stopReason } = seen;
    assert.equal(stopReason?.code, "reboot_loop", JSON.stringify(stopReason));
    assert.match(stopReason.detail ?? "", /rebooted 6 times within 5 minutes/);
    assert.match((await ok("vm", "list")).stdout, /stopped \(reboot loop\)/);
    const console = (await ok("vm", "logs", vm, "--source", "console")).stdout;
    assert.equal(console.match(/guest is going down: reboot/g)?.length, LIMIT + 1);
  },
} satisfies Scenario;
