import assert from "node:assert/strict";
import type { Scenario, ScenarioContext } from "../scenario.ts";

/** The smallest of the mirror's lists: the last of those that the image names. */
const UPDATE = "grep -h '^deb ' /etc/apt/sources.list | tail -n 1 >/root/one.list && apt-get --quiet --error-on=any update";
const OPTIONS = ["Acquire::Languages=none", "Dir::Etc::SourceList=/root/one.list", "Dir::Etc::SourceParts=-"];

export default {
  name: "outbound",
  description: "A guest resolves names and reaches its package mirror; with --no-network it reaches nothing",
  class: "pure",
  needs: ["network", "archive"],
  async run(context) {
    const { boot, banger, inGuest } = context;
    const vm = await boot();
    assert.equal(await inGuest(vm, "sh", "-c", "cut -d' ' -f2 /etc/resolv.conf | head -n 1"), "172.16.0.1");
    const mirror = await inGuest(vm, "sh", "-c", "sed -nE 's,^deb [a-z]+://([^/ ]+).*,\\1,p' /etc/apt/sources.list | head -n 1");
    const resolved = await inGuest(vm, "getent", "ahostsv4", mirror);
    const address = /^[\d.]+/.exec(resolved)?.[0];
    assert.ok(address !== undefined, resolved);
    assert.match(await inGuest(vm, "curl", "--silent", "--head", "--max-time", "60", `http://${mirror}/`), /^HTTP\//);
    const options = OPTIONS.map((option) => `--option=${option}`).join(" ");
    const update = await banger(["vm", "exec", vm, "--", "sh", "-c", `${UPDATE} ${options}`]);
    assert.equal(update.status, 0, update.stderr);
    assert.match(update.stdout, new RegExp(`^Get:1 http://${mirror}/`, "m"));
    await isCutOff(context, mirror, address);
  },
} satisfies Scenario;

async function isCutOff({ boot, banger, inGuest }: ScenarioContext, mirror: string, address: string): Promise<void> {
  const closed = await boot("--no-network");
  const tried = async (...argv: readonly string[]) => (await banger(["vm", "exec", closed, "--", ...argv])).status;
  assert.equal(await tried("getent", "ahosts", mirror), 2, "the name is not known");
  assert.equal(await tried("curl", "--silent", "--noproxy", "*", "--max-time", "20", `http://${address}/`), 7, "no connection is made");
  assert.equal(await tried("ping", "-c", "1", "-W", "4", address), 1, "nobody answers");
  assert.equal(await inGuest(closed, "echo", "exec works"), "exec works");
}
