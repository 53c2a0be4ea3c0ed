import assert from "node:assert/strict";
import type { Scenario } from "../scenario.ts";

export default {
  name: "bare-run",
  description: "A command in a VM that --rm leaves no trace of; --explain tells where the time went",
  class: "pure",
  needs: [],
  async run({ banger, json, name }) {
    const vm = name();
    const result = await banger(["vm", "run", "--rm", "--explain", "--name", vm, "--memory", "1G", "--", "uname", "-s"]);
    assert.equal(result.status, 0, result.stderr);
    assert.equal(result.stdout, "Linux\n", "stdout is the command's alone");
    assert.match(result.stderr, /spec: /);
    assert.match(result.stderr, /^where the time went:\n( {2}\S.* +\d+ ms +\d+%\n)+ {2}ready after +\d+ ms +100%$/m);
    const left = (await json("vm", "list")) as readonly { name: string }[];
    assert.deepEqual(
      left.filter((each) => each.name === vm),
      [],
    );
  },
} satisfies Scenario;
