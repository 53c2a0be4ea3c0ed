import assert from "node:assert/strict";
import type { Scenario } from "../scenario.ts";
import { showVm } from "../seen-vm.ts";

export default {
  name: "lifecycle",
  description: "create, start, write, stop, start, ssh: the data is kept; restart gives a new boot id",
  class: "pure",
  needs: [],
  async run({ ok, json, inGuest, name }) {
    const vm = name();
    await ok("vm", "create", "--no-start", "--name", vm, "--memory", "1G", "--disk-size", "2G");
    assert.equal((await showVm({ json }, vm)).status, "stopped");
    await ok("vm", "start", vm);
    await inGuest(vm, "sh", "-c", "echo kept > /root/file");
    const first = await inGuest(vm, "cat", "/proc/sys/kernel/random/boot_id");
    await ok("vm", "stop", vm);
    assert.equal((await showVm({ json }, vm)).status, "stopped");
    await ok("vm", "start", vm);
    assert.equal((await ok("vm", "ssh", vm, "--", "cat", "/root/file")).stdout, "kept\n");
    const second = await inGuest(vm, "cat", "/proc/sys/kernel/random/boot_id");
    await ok("vm", "restart", vm);
    const third = await inGuest(vm, "cat", "/proc/sys/kernel/random/boot_id");
    assert.equal(new Set([first, second, third]).size, 3, "each boot has an id of its own");
    assert.equal(await inGuest(vm, "hostname"), vm);
  },
} satisfies Scenario;
