import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import type { Vm } from "@banger/api";
import { anchorPid, inGuestNetwork } from "../guest-network.ts";
import type { Scenario, ScenarioContext } from "../scenario.ts";
import { showVm } from "../seen-vm.ts";
import { SIZE } from "../vm-size.ts";

export default {
  name: "host-keys",
  description: "A name and address used again with a fresh host key: plain ssh refuses it, banger's works and asks nothing",
  class: "global",
  needs: ["network"],
  async run(context) {
    const { ok, name } = context;
    const known = () => readFile(join(userInfo().homedir, ".ssh/known_hosts"), "utf8").catch(() => undefined);
    const before = await known();
    const vm = name();
    const once = async () => {
      await ok("vm", "run", "--detach", "--name", vm, ...SIZE);
      assert.equal((await ok("vm", "ssh", vm, "--", "echo", "in")).stdout, "in\n");
      return await showVm(context, vm);
    };
    const first = await once();
    await ok("vm", "delete", vm);
    const second = await once();
    assert.deepEqual([second.name, second.address], [first.name, first.address], "both are used again");
    assert.notEqual(second.sshHostKey, first.sshHostKey);

    assert.match(await plainSsh(context, second, first.sshHostKey), /REMOTE HOST IDENTIFICATION HAS CHANGED/);
    assert.match(await plainSsh(context, second, second.sshHostKey), /root@\S+: Permission denied \(publickey\)/, "its own key is taken");
    assert.equal((await ok("vm", "ssh", vm, "--", "echo", "in")).stdout, "in\n");
    assert.equal(await known(), before, "nothing of the user's was touched");
  },
} satisfies Scenario;

/** What ssh by address says, in the guests' network, where it knows the address by `hostKey`. It has no key of its own to get in. */
async function plainSsh({ env, directory }: ScenarioContext, { address }: Vm, hostKey: string): Promise<string> {
  const anchor = await anchorPid(env);
  assert.ok(anchor !== undefined && address !== null);
  const knownHosts = join(directory, "known_hosts");
  await writeFile(knownHosts, `${address} ${hostKey}\n`, { mode: 0o644 });
  const options = [`UserKnownHostsFile=${knownHosts}`, "GlobalKnownHostsFile=/dev/null", "StrictHostKeyChecking=yes", "BatchMode=yes"];
  const ssh = ["ssh", "-F", "none", ...options.flatMap((option) => ["-o", option]), `root@${address}`, "true"];
  return await inGuestNetwork(anchor, ...ssh).then(
    () => assert.fail("it gets in without a key"),
    (error: Error & { readonly stderr?: string }) => error.stderr ?? error.message,
  );
}
