import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { greetingOn, isRefused } from "../ports.ts";
import { isAlive, networkNamespace, processesIn, processesNaming } from "../processes.ts";
import type { Scenario, ScenarioContext } from "../scenario.ts";
import { showVm } from "../seen-vm.ts";

export default {
  name: "leaves-nothing",
  description: "Once the last VM is deleted no process, namespace, file, socket or port of it is left",
  class: "global",
  needs: ["network"],
  async run(context) {
    const { boot, ok, env, until } = context;
    const data = join(env["BANGER_HOME"] ?? "", "data");
    const vm = await boot("--publish", "0:22");
    const { id, pid, forwards } = await showVm(context, vm);
    const port = forwards[0]?.hostPort ?? 0;
    const network = await networkOf(data);
    // The VMM, and the jail around it.
    const own = await processesNaming(id);
    assert.ok(pid !== null && own.includes(pid) && own.length > 1, JSON.stringify({ pid, own }));
    const inside = await processesIn(network.namespace);
    for (const each of [...own, network.anchor]) assert.ok(inside.includes(each), `${each} is in the guests' network`);
    assert.ok(await isAlive(network.pasta));
    assert.match((await greetingOn(port)) ?? "", /^SSH-/);
    assert.deepEqual(await readdir(join(data, "vms")), [id]);

    await ok("vm", "delete", vm);
    const all = [...own, network.anchor, network.pasta];
    const left = async () => [
      ...(await Promise.all(all.map(async (each) => ((await isAlive(each)) ? [each] : [])))).flat(),
      ...(await processesIn(network.namespace)),
      ...(await processesNaming(id)),
    ];
    await until("its processes are gone", async () => ((await left()).length === 0 ? true : undefined));
    assert.ok(await isRefused(port), "the port is closed");
    await isEmpty(context, data);
  },
} satisfies Scenario;

async function isEmpty({ json }: ScenarioContext, data: string): Promise<void> {
  assert.deepEqual(await json("vm", "list"), []);
  assert.deepEqual(await readdir(join(data, "vms")), []);
  assert.deepEqual(await readdir(join(data, "run")), ["bangerd.sock"], "neither network.json nor a socket");
  assert.deepEqual(await readdir(join(data, "kept")).catch(() => []), []);
}

interface Network {
  readonly anchor: number;
  readonly pasta: number;
  /** `net:[INODE]`. */
  readonly namespace: string;
}

/** As the daemon has recorded it. */
async function networkOf(data: string): Promise<Network> {
  const { anchor, pasta } = JSON.parse(await readFile(join(data, "run/network.json"), "utf8")) as {
    readonly anchor: { readonly pid: number };
    readonly pasta: { readonly process: { readonly pid: number } };
  };
  const namespace = await networkNamespace(anchor.pid);
  assert.match(namespace, /^net:\[\d+\]$/);
  return { anchor: anchor.pid, pasta: pasta.process.pid, namespace };
}
