import assert from "node:assert/strict";
import type { Scenario } from "../scenario.ts";

export default {
  name: "bad-input",
  description: "Bad names, sizes, images, flags: one clear error with a hint each, and no row",
  class: "pure",
  needs: [],
  async run({ banger, json, name }) {
    const refused: readonly (readonly string[])[] = [
      ["--name", "Bad_Name"],
      ["--name", "-x"],
      ["--name", "x".repeat(64)],
      ["--vcpu", "0"],
      ["--vcpu", "-1"],
      ["--memory", "0"],
      ["--memory", "lots"],
      ["--memory", "100T"],
      ["--disk-size", "900000T"],
      ["--image", "no-such-image"],
      ["--publish", "99999:80"],
      ["--no-such-flag"],
      ["--rm", "--detach"],
    ];
    const before = await json("vm", "list");
    for (const flags of refused) {
      const own = flags[0] === "--name" ? [] : ["--name", name("bad")];
      const result = await banger(["vm", "run", ...own, ...flags, "--", "true"]);
      assert.notEqual(result.status, 0, flags.join(" "));
      assert.match(result.stderr, /^error: /m, flags.join(" "));
      assert.equal(result.stdout, "");
    }
    assert.deepEqual(
      ((await json("vm", "list")) as readonly { name: string }[]).filter((vm) => vm.name === name("bad")),
      [],
    );
    assert.equal(Array.isArray(before), true);
  },
} satisfies Scenario;
