import assert from "node:assert/strict";
import type { Scenario } from "../scenario.ts";

export default {
  name: "exit-status",
  description: "The guest's exit status becomes banger's: 0, 42, 127, 128+signal",
  class: "pure",
  needs: [],
  async run({ banger, boot }) {
    const vm = await boot();
    for (const [script, status] of [
      ["exit 0", 0],
      ["exit 42", 42],
      ["kill -TERM $$", 143],
      ["kill -KILL $$", 137],
    ] as const) {
      const result = await banger(["vm", "exec", vm, "--", "sh", "-c", script]);
      assert.equal(result.status, status, script);
    }
    assert.equal((await banger(["vm", "exec", vm, "--", "no-such-command"])).status, 127);
    const quoted = await banger(["vm", "exec", vm, "--", "printf", "%s|", "a b", "c'd", '"$HOME"', ""]);
    assert.equal(quoted.stdout, `a b|c'd|"$HOME"||`, "argv is carried as argv");
  },
} satisfies Scenario;
