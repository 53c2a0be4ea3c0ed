import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Scenario } from "../scenario.ts";

export default {
  name: "leaves-nothing",
  description: "Once the last VM is deleted no process, file or namespace of it is left",
  class: "global",
  needs: [],
  async run({ boot, ok, env, until }) {
    const vm = await boot("--publish", "0:80");
    await ok("vm", "delete", vm);
    const home = env["BANGER_HOME"] ?? "";
    assert.deepEqual(await readdir(join(home, "data/vms")), []);
    await until("its processes are gone", async () => ((await processesNaming(home)).length === 0 ? true : undefined), 10_000);
  },
} satisfies Scenario;

/** Command lines of processes that name this banger's directory. */
async function processesNaming(home: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const commandLine = await readFile(`/proc/${entry}/cmdline`, "utf8").catch(() => "");
    if (commandLine.includes(`${home}/data/`)) found.push(commandLine);
  }
  return found;
}
