import assert from "node:assert/strict";
import { createServer } from "node:net";
import { once } from "node:events";
import { fetched, isRefused, outerAddress } from "../ports.ts";
import type { Scenario, ScenarioContext } from "../scenario.ts";
import { showVm } from "../seen-vm.ts";

export default {
  name: "publish",
  description: "Published ports answer on 127.0.0.1 alone, while they are and the VM runs; one in use is refused with who has it",
  class: "pure",
  needs: [],
  async run(context) {
    const { boot, ok, json, inGuest, until } = context;
    const vm = await boot("--publish", "0:8000");
    const serve = "mkdir /srv/web; echo served > /srv/web/index.html; systemd-run --quiet python3 -m http.server 8000 --directory /srv/web";
    await inGuest(vm, "sh", "-c", serve);
    const port = (await showVm(context, vm)).forwards[0]?.hostPort ?? 0;
    assert.ok(port > 0);
    assert.equal(await until("the page answers", () => fetched(port)), "served\n");
    const outer = outerAddress();
    if (outer !== undefined) assert.ok(await isRefused(port, outer), "not for others");

    const second = ((await json("vm", "forward", vm, "0:8000")) as { readonly hostPort: number }).hostPort;
    assert.notEqual(second, port);
    assert.equal(await fetched(second), "served\n");
    await ok("vm", "forward", vm, `${second}:8000`, "--remove");
    assert.ok(await isRefused(second), "no longer");
    assert.equal(await fetched(port), "served\n", "the other is as it was");

    await isTaken(context, vm, port);
    await ok("vm", "stop", vm);
    assert.ok(await isRefused(port), "a VM that is stopped keeps no port");
    const other = createServer().listen(port, "127.0.0.1");
    await once(other, "listening");
    other.close();
  },
} satisfies Scenario;

async function isTaken({ ok, banger, name }: ScenarioContext, vm: string, port: number): Promise<void> {
  const other = name("other");
  await ok("vm", "create", "--name", other, "--no-start", "--publish", `${port}:80`);
  const late = await banger(["vm", "start", other]);
  assert.equal(late.status, 1);
  const inUse = `port 127\\.0\\.0\\.1:${port} is in use by VM ${vm}\n.*banger vm forward ${vm} ${port}:8000 --remove`;
  assert.match(late.stderr, new RegExp(inUse));
  assert.match((await banger(["vm", "show", other])).stdout, new RegExp(`stopped \\(start failed\\)[^]*is in use by VM ${vm}`));

  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  const { port: foreign } = taken.address() as { readonly port: number };
  const refused = await banger(["vm", "run", "--detach", "--name", name("taken"), "--publish", `${foreign}:80`]);
  taken.close();
  assert.equal(refused.status, 125, "banger's own failure");
  assert.match(refused.stderr, /in use/);
  assert.equal((await banger(["vm", "show", name("taken")])).status, 1, "no row is left");
}
