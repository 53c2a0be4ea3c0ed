import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { runProgram } from "../banger.ts";
import type { Scenario, ScenarioContext } from "../scenario.ts";

/** 1 MiB of text, twice, that ends with the command: what guest and host have is compared by its hash. */
const MAKE = "for each in out err; do head -c 786432 /dev/urandom | base64 -w 0 > /root/$each; done; sha256sum /root/out /root/err";
const LARGE = "cat /root/out & cat /root/err >&2; wait; exit 3";

export default {
  name: "standard-streams",
  description: "stdin piped and closed, a tty of the right size, stderr apart, 1 MiB at exit on both, statuses through all of it",
  class: "pure",
  needs: [],
  async run(context) {
    const { banger, boot, inGuest } = context;
    const vm = await boot();
    const exec = (...argv: string[]) => ["vm", "exec", vm, "--", ...argv];
    assert.equal((await banger(exec("cat"), { input: "one\ntwo\n" })).stdout, "one\ntwo\n");
    assert.equal((await banger(exec("sh", "-c", "wc -c"), { input: Buffer.alloc(1 << 20, 120) })).stdout.trim(), String(1 << 20));
    const closed = await banger(exec("sh", "-c", "wc -c; exit 4"), { stdin: "closed" });
    assert.deepEqual([closed.status, closed.stdout], [4, "0\n"], closed.stderr);
    const apart = await banger(exec("sh", "-c", "echo out; echo err >&2"));
    assert.deepEqual([apart.stdout, apart.stderr], ["out\n", "err\n"]);

    const made = [...(await inGuest(vm, "sh", "-c", MAKE)).matchAll(/^[0-9a-f]{64}/gm)].map(([hash]) => hash);
    const large = await banger(exec("sh", "-c", LARGE));
    assert.deepEqual([large.status, hashOf(large.stdout), hashOf(large.stderr)], [3, ...made], "nothing is lost at exit");
    await hasTerminal(context, vm);
  },
} satisfies Scenario;

async function hasTerminal(context: ScenarioContext, vm: string): Promise<void> {
  const { banger, program, env, signal } = context;
  const isOne = ["--", "sh", "-c", "test -t 0 && test -t 1 && test -t 2 && exit 42"];
  assert.equal((await banger(["vm", "exec", vm, ...isOne])).status, 1, "no terminal here, none there");
  assert.equal((await banger(["vm", "exec", vm, ...isOne], { tty: true })).status, 42, "a terminal here, one there");
  assert.equal((await banger(["vm", "exec", "--no-tty", vm, ...isOne], { tty: true })).status, 1);
  const asked = await banger(["vm", "exec", "--tty", vm, "--", "sh", "-c", "test -t 1 && echo is-a-tty"]);
  assert.match(asked.stdout, /is-a-tty/);
  const line = `stty rows 33 cols 101; exec '${program}' vm exec '${vm}' -- stty size`;
  const sized = await runProgram(["script", "--quiet", "--return", "--command", line, "/dev/null"], { env, signal });
  // script types its own end of input before it, which may come back as an echo.
  assert.match(sized.stdout, /33 101\r?$/m);
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
