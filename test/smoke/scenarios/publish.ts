import assert from "node:assert/strict";
import { createServer } from "node:net";
import { once } from "node:events";
import type { Scenario } from "../scenario.ts";

interface Vm {
  readonly forwards: readonly { readonly hostAddress: string; readonly hostPort: number; readonly guestPort: number }[];
}

export default {
  name: "publish",
  description: "Published and forwarded ports answer on 127.0.0.1; a port in use is refused with who has it and leaves nothing",
  class: "pure",
  needs: [],
  async run({ boot, ok, json, banger, inGuest, name, until }) {
    const vm = await boot("--publish", "0:8000");
    await inGuest(
      vm,
      "sh",
      "-c",
      "mkdir /srv/web; echo served > /srv/web/index.html; systemd-run --quiet python3 -m http.server 8000 --directory /srv/web",
    );
    const port = ((await json("vm", "show", vm)) as Vm).forwards[0]?.hostPort ?? 0;
    assert.ok(port > 0);
    assert.equal(await until("the page answers", () => fetched(port)), "served\n");
    const second = ((await json("vm", "forward", vm, "0:8000")) as Vm["forwards"][number]).hostPort;
    assert.notEqual(second, port);
    assert.equal(await fetched(second), "served\n");
    const other = name("other");
    await ok("vm", "create", "--name", other, "--no-start", "--publish", `${port}:80`);
    const late = await banger(["vm", "start", other]);
    assert.equal(late.status, 1);
    assert.match(
      late.stderr,
      new RegExp(`port 127\\.0\\.0\\.1:${port} is in use by VM ${vm}\n.*banger vm forward ${vm} ${port}:8000 --remove`),
    );
    assert.match((await banger(["vm", "show", other])).stdout, new RegExp(`stopped \\(start failed\\)[^]*is in use by VM ${vm}`));
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port: inUse } = taken.address() as { readonly port: number };
    const refused = await banger(["vm", "run", "--detach", "--name", name("taken"), "--publish", `${inUse}:80`]);
    taken.close();
    assert.equal(refused.status, 125, "banger's own failure");
    assert.match(refused.stderr, /in use/);
    assert.equal((await banger(["vm", "show", name("taken")])).status, 1, "no row is left");
  },
} satisfies Scenario;

async function fetched(port: number): Promise<string | undefined> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/`);
    return await answer.text();
  } catch {
    return undefined;
  }
}
