import assert from "node:assert/strict";
import type { Scenario } from "../scenario.ts";

export default {
  name: "concurrent-runs",
  description: "Three runs at once, each with its own output and status",
  class: "global",
  needs: [],
  async run({ banger, json, name }) {
    const runs = [1, 2, 3].map((each) =>
      banger([
        "vm",
        "run",
        "--rm",
        "--name",
        name(`${each}`),
        "--vcpu",
        "1",
        "--memory",
        "1G",
        "--",
        "sh",
        "-c",
        `echo run ${each}; exit ${each}`,
      ]),
    );
    for (const [index, result] of (await Promise.all(runs)).entries()) {
      assert.equal(result.status, index + 1, result.stderr);
      assert.equal(result.stdout, `run ${index + 1}\n`);
    }
    assert.deepEqual(await json("vm", "list"), []);
  },
} satisfies Scenario;
