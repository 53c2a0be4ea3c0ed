import assert from "node:assert/strict";
import type { Scenario } from "../scenario.ts";

export default {
  name: "daemon-killed",
  description: "kill -9 of the daemon: VMs run on, the next command finds them",
  class: "global",
  needs: [],
  async run({ boot, json, inGuest, until }) {
    const vm = await boot();
    const before = await inGuest(vm, "cat", "/proc/sys/kernel/random/boot_id");
    const { pid } = (await json("daemon", "status")) as { readonly pid: number };
    process.kill(pid, "SIGKILL");
    await until("the daemon is gone", () => (isAlive(pid) ? undefined : true));
    assert.equal(await inGuest(vm, "cat", "/proc/sys/kernel/random/boot_id"), before);
    const { pid: next } = (await json("daemon", "status")) as { readonly pid: number };
    assert.notEqual(next, pid);
  },
} satisfies Scenario;

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
