import assert from "node:assert/strict";
import { userInfo } from "node:os";
import { test } from "node:test";
import { ownUserName } from "./user-name.ts";

test("the user is who the host says, whatever the environment does", () => {
  const before = process.env["USER"];
  process.env["USER"] = "somebody-else";
  assert.equal(ownUserName(process.getuid?.() ?? 0), userInfo().username);
  if (before === undefined) delete process.env["USER"];
  else process.env["USER"] = before;
});

test("a uid without an entry stands for itself", () => {
  const none = () => {
    throw Object.assign(new Error("uv_os_get_passwd returned ENOENT"), { code: "ERR_SYSTEM_ERROR" });
  };
  assert.equal(ownUserName(4711, none), "4711");
});
