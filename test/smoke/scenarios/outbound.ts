import assert from "node:assert/strict";
import type { Scenario } from "../scenario.ts";

export default {
  name: "outbound",
  description: "A guest resolves names and reaches its package mirror; with --no-network it reaches nothing",
  class: "pure",
  needs: ["network"],
  async run({ boot, banger, inGuest }) {
    const vm = await boot();
    assert.equal(await inGuest(vm, "sh", "-c", "cut -d' ' -f2 /etc/resolv.conf | head -n 1"), "172.16.0.1");
    const update = await banger(["vm", "exec", vm, "--", "apt-get", "--quiet", "--option", "Acquire::Languages=none", "update"], {
      timeoutMs: 280_000,
    });
    assert.equal(update.status, 0, update.stderr);
    const closed = await boot("--no-network");
    assert.notEqual((await banger(["vm", "exec", closed, "--", "getent", "ahosts", "example.org"])).status, 0);
    assert.equal(await inGuest(closed, "echo", "exec works"), "exec works");
  },
} satisfies Scenario;
