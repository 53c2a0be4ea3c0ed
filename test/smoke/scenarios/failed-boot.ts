import assert from "node:assert/strict";
import type { Scenario } from "../scenario.ts";

interface Vm {
  readonly status: string;
  readonly stopReason: { readonly code: string; readonly detail?: string } | null;
}

export default {
  name: "failed-boot",
  description: "A guest that panics at boot: the error says so, the VM is kept, its logs tell why",
  class: "pure",
  needs: [],
  async run({ banger, ok, json, name }) {
    const vm = name();
    const result = await banger(["vm", "run", "--rm", "--name", vm, "--memory", "80", "--", "true"]);
    assert.equal(result.status, 125);
    assert.match(result.stderr, /^error: /m);
    assert.match(result.stderr, /banger vm logs/);
    const kept = (await json("vm", "show", vm)) as Vm;
    assert.equal(kept.status, "stopped");
    assert.equal(kept.stopReason?.code, "start_failed");
    assert.match((await ok("vm", "logs", vm)).stdout, /panic|out of memory|initramfs/i);
  },
} satisfies Scenario;
