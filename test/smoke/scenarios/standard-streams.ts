import assert from "node:assert/strict";
import type { Scenario } from "../scenario.ts";

export default {
  name: "standard-streams",
  description: "stdin piped and closed, a tty, stderr apart, 1 MiB of output at exit",
  class: "pure",
  needs: [],
  async run({ banger, boot }) {
    const vm = await boot();
    const exec = (...argv: string[]) => ["vm", "exec", vm, "--", ...argv];
    assert.equal((await banger(exec("cat"), { input: "one\ntwo\n" })).stdout, "one\ntwo\n");
    assert.equal((await banger(exec("sh", "-c", "wc -c"), { input: Buffer.alloc(1 << 20, 120) })).stdout.trim(), String(1 << 20));
    const apart = await banger(exec("sh", "-c", "echo out; echo err >&2"));
    assert.deepEqual([apart.stdout, apart.stderr], ["out\n", "err\n"]);
    const large = await banger(exec("sh", "-c", "head -c 1048576 /dev/zero | tr '\\0' x"));
    assert.equal(large.stdout.length, 1 << 20, "nothing is lost at exit");
    assert.equal((await banger(exec("test", "-t", "0"))).status, 1, "no terminal here, none there");
    const tty = await banger(["vm", "exec", "--tty", vm, "--", "sh", "-c", "test -t 0 && test -t 1 && echo is-a-tty"], { tty: true });
    assert.match(tty.stdout, /is-a-tty/);
  },
} satisfies Scenario;
