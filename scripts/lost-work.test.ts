import assert from "node:assert/strict";
import { test } from "node:test";
import { lostDirectories, lostWork } from "./lost-work.ts";

function workspace(source: string, kept: { readonly files: number; readonly isLatest: boolean } | null) {
  return {
    ...{ guestPath: "/root/repo", source, tree: "0".repeat(40), head: null, branch: null, copiedAt: "2026-01-01T00:00:00.000Z", files: 9 },
    kept: kept === null ? null : { ...kept, at: "2026-01-01T00:00:00.000Z", bytes: 1 },
  };
}

test("each VM is named with the work that goes with it, and the work that outlived its VM", () => {
  const vms = [
    { name: "plain", status: "running" as const, workspaces: [] },
    { name: "api", status: "running" as const, workspaces: [workspace("/home/dev/api", { files: 2, isLatest: false })] },
    { name: "old", status: "stopped" as const, workspaces: [workspace("/home/dev/old", { files: 3, isLatest: true })] },
    { name: "same", status: "stopped" as const, workspaces: [workspace("/home/dev/same", { files: 0, isLatest: true })] },
    { name: "killed", status: "stopped" as const, workspaces: [workspace("/home/dev/killed", null)] },
  ];
  const gone = [{ name: "web", workspaces: [workspace("/home/dev/web", { files: 1, isLatest: true })] }];
  assert.deepEqual(lostWork(vms, gone), [
    "VM plain (running)",
    "VM api (running), with what has changed in its copy of /home/dev/api",
    "VM old (stopped), with 3 changed files of /home/dev/old",
    "VM same (stopped)",
    "VM killed (stopped), with what has changed in its copy of /home/dev/killed",
    "1 changed file of /home/dev/web, kept of web, which is gone",
  ]);
});

test("without a daemon the directories tell", () => {
  assert.deepEqual(lostDirectories(["a1"], ["b2"]), ["the VM with the id a1", "what is kept of the VM with the id b2, which is gone"]);
});
