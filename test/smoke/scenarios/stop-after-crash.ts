import assert from "node:assert/strict";
import type { Scenario } from "../scenario.ts";
import { showVm } from "../seen-vm.ts";

/** Its last words are written only where the guest goes down by itself. */
const UNIT = `[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
ExecStop=/bin/sh -c 'echo gently > /root/marker'
`;

export default {
  name: "stop-after-crash",
  description: "kill -9 of the daemon and at once a stop: the guest goes down by itself, and what it had just written is there",
  class: "global",
  needs: [],
  async run(context) {
    const { boot, ok, json, inGuest } = context;
    const vm = await boot();
    await inGuest(vm, "sh", "-c", `printf '%s' "$0" > /etc/systemd/system/marker.service && systemctl start marker`, UNIT);
    await inGuest(
      vm,
      "sh",
      "-c",
      "dd if=/dev/urandom of=/root/big bs=1M count=32 && md5sum /root/big > /root/sum && echo late > /root/late",
    );
    const { pid } = (await json("daemon", "status")) as { readonly pid: number };
    process.kill(pid, "SIGKILL");
    await ok("vm", "stop", vm);
    assert.equal((await showVm(context, vm)).status, "stopped");
    await ok("vm", "start", vm);
    assert.equal(await inGuest(vm, "cat", "/root/marker", "/root/late"), "gently\nlate");
    assert.equal(await inGuest(vm, "md5sum", "-c", "/root/sum"), "/root/big: OK");
  },
} satisfies Scenario;
