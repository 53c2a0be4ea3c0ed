// How work that fails is told once it leaves the daemon.
import assert from "node:assert/strict";
import { test } from "node:test";
import { OperationRegistry } from "./registry.ts";

const registry = () => new OperationRegistry({ newId: () => "0001", now: () => new Date(0), dataDir: "/", log: () => undefined });
const failing = (cause: unknown) => {
  const request = { kind: "vmCreate", target: "api", signal: new AbortController().signal };
  return registry().run(request, () => Promise.reject(cause));
};

test("a full disk is no bug", async () => {
  const cause = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
  await assert.rejects(failing(cause), {
    code: "host.disk_full",
    message: /^\S+( little)? space is left in \/ \(.+ free\)$/,
    operationId: "0001",
  });
});

test("anything unexpected is one", async () => {
  await assert.rejects(failing(new Error("boom")), { code: "internal", message: "a bug in banger: boom", operationId: "0001" });
});
