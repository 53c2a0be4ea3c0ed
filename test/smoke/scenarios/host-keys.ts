import assert from "node:assert/strict";
import type { Scenario } from "../scenario.ts";

interface Vm {
  readonly address: string;
  readonly sshHostKey: string;
}

export default {
  name: "host-keys",
  description: "An address used again with a fresh host key: ssh works and asks nothing",
  class: "global",
  needs: [],
  async run({ boot, ok, json }) {
    const seen: Vm[] = [];
    for (let round = 0; round < 2; round += 1) {
      const vm = await boot();
      seen.push((await json("vm", "show", vm)) as Vm);
      assert.equal((await ok("vm", "ssh", vm, "--", "echo", "in")).stdout, "in\n");
      await ok("vm", "delete", vm);
    }
    assert.equal(seen[0]?.address, seen[1]?.address, "the address was used again");
    assert.notEqual(seen[0]?.sshHostKey, seen[1]?.sshHostKey);
  },
} satisfies Scenario;
