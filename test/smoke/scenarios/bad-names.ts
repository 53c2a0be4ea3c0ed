import assert from "node:assert/strict";
import type { Scenario, ScenarioContext } from "../scenario.ts";
import { listVms, showVm } from "../seen-vm.ts";

const BAD = ["", "-x", "x-", "a.b", "A", "x".repeat(64), "ü", "a b", "a/b", "..", "a\n"];
const RULE = "use 1 to 63 of a-z, 0-9 and '-', not starting or ending with '-'";

export default {
  name: "bad-names",
  description: "A name that is no DNS label is refused wherever one is given; one that is taken leaves its VM untouched",
  class: "global",
  needs: [],
  async run(context) {
    const { banger, ok } = context;
    const rows = async () => (await listVms(context)).map(({ id }) => id);
    const before = await rows();
    for (const name of BAD) {
      // One that begins like a flag is one, but for after `=`.
      const flag = name.startsWith("-") ? [`--name=${name}`] : ["--name", name];
      const given = [
        ["run", ...flag, "--", "true"],
        ["create", "--no-start", ...flag],
      ];
      for (const args of name.startsWith("-") ? given : [...given, ["start", name]]) {
        const { status, stdout, stderr } = await banger(["vm", ...args]);
        assert.deepEqual([status, stdout], [2, ""], args.join(" "));
        assert.ok(stderr.includes(`${JSON.stringify(name)} is not a VM name\n  try: ${RULE}\n`), stderr);
      }
    }
    assert.deepEqual(await rows(), before);
    await isTaken(context);
    await ok("vm", "create", "--no-start", "--name", "x".repeat(63));
    await ok("vm", "delete", "x".repeat(63));
    assert.deepEqual((await rows()).length, before.length + 1);
  },
} satisfies Scenario;

async function isTaken(context: ScenarioContext): Promise<void> {
  const { banger, ok, name } = context;
  const vm = name();
  await ok("vm", "create", "--no-start", "--name", vm, "--memory", "512M", "--publish", "0:80");
  const first = await showVm(context, vm);
  for (const [args, expected] of [
    [["run", "--name", vm, "--memory", "256M", "--", "true"], 125],
    [["create", "--no-start", "--name", vm], 1],
  ] as const) {
    const { status, stdout, stderr } = await banger(["vm", ...args]);
    assert.deepEqual([status, stdout], [expected, ""]);
    assert.match(
      stderr,
      new RegExp(`^error: a VM called "${vm}" is there already\n {2}try: banger vm show ${vm}, or choose another --name`, "m"),
    );
  }
  assert.deepEqual(await showVm(context, vm), first);
}
