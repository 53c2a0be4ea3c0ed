import assert from "node:assert/strict";
import { test } from "node:test";
import { findVmUser } from "./vm-user.ts";

test("root without a user for VMs is nobody until there is one; a copy of the identity has its numbers", async () => {
  let ids: { readonly uid: number; readonly gid: number } | undefined;
  const user = await findVmUser({ uid: 0, home: "/cache" }, async () => ids);
  assert.deepEqual({ ...user.runAs }, { uid: 65_534, gid: 65_534, home: "/cache" });
  await assert.rejects(user.required(), { code: "host.no_vm_user", hint: /^useradd .* banger, then: banger doctor$/ });
  ids = { uid: 999, gid: 998 };
  assert.deepEqual(await user.required(), { uid: 999, gid: 998, home: "/cache", name: "banger" });
  assert.deepEqual({ ...user.runAs }, { uid: 999, gid: 998, home: "/cache" });
});

test("an ordinary user's daemon needs nobody", async () => {
  const user = await findVmUser({ uid: 1000, home: "/" }, () => assert.fail("looked up"));
  assert.equal(user.runAs, null);
  assert.equal(await user.required(), null);
});
