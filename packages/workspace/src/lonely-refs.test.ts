// Commits of a running guest that no patch has are told by name.
import assert from "node:assert/strict";
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { GUEST_LIMITS } from "@banger/api/guest-tree";
import { lonelyGuestRefs } from "./lonely-refs.ts";
import { directoryClient } from "./testing/directory-client.ts";
import { HostRepository } from "./testing/host-repository.ts";

test("a stash and a branch that is not checked out; not what was sent, here or by a copy before", async () => {
  using host = new HostRepository();
  host.write("a", "a\n");
  host.commit();
  await host.copy(await host.plan());
  const lonely = async () => {
    const record = await host.stores.of("vm1").record();
    assert.ok(record !== undefined);
    return await lonelyGuestRefs({ client: directoryClient(host.guest), vmName: "box", path: "/", limits: GUEST_LIMITS }, record);
  };
  assert.deepEqual(await lonely(), []);
  host.run("switch", "--quiet", "--create", "other");
  host.write("b", "b\n");
  host.commit();
  await host.prepare();
  assert.deepEqual(await lonely(), []);
  host.guestGit("switch", "--quiet", "--create", "wip");
  appendFileSync(join(host.guest, "a"), "mine\n");
  host.guestGit("commit", "--quiet", "--all", "--message=mine");
  host.guestGit("switch", "--quiet", "main");
  appendFileSync(join(host.guest, "a"), "stashed\n");
  host.guestGit("stash", "--quiet");
  assert.deepEqual(await lonely(), ["refs/heads/wip", "refs/stash"]);
});
