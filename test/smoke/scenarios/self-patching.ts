import assert from "node:assert/strict";
import type { Scenario } from "../scenario.ts";

/**
 * Turning scheduler statistics on and off patches the scheduler, which all of the guest's CPUs run through meanwhile. Emulated with
 * a thread for each CPU, QEMU 7.2 hung within a hundred rounds of it.
 */
const PATCH = `k=/proc/sys/kernel/sched_schedstats
(while :; do /bin/true; done) &
(yes | cat >/dev/null) &
(while :; do sleep 0.01; done) &
for i in $(seq 200); do echo 1 >$k; echo 0 >$k; done
kill %1 %2 %3
echo patched`;

export default {
  name: "self-patching",
  description: "A guest of two CPUs whose kernel patches itself under load goes on",
  class: "pure",
  needs: [],
  async run({ boot, inGuest }) {
    const vm = await boot();
    assert.equal((await inGuest(vm, "nproc")).trim(), "2");
    assert.match(await inGuest(vm, "bash", "-c", PATCH), /^patched$/m);
  },
} satisfies Scenario;
