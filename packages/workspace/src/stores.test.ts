// What is beside the stores goes with them, and what a killed banger left goes with the next copy; nothing that is in use does.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempDisposableSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { test, type TestContext } from "node:test";
import type { WorkspaceRecord } from "./store.ts";
import { WorkspaceStores } from "./stores.ts";

interface Setting {
  readonly root: string;
  readonly stores: WorkspaceStores;
}

async function setting(t: TestContext, ...ids: string[]): Promise<Setting> {
  const scratch = mkdtempDisposableSync(join(tmpdir(), "banger-stores-"));
  t.after(() => scratch.remove());
  const root = join(scratch.path, "workspaces");
  const stores = new WorkspaceStores(root);
  for (const id of ids) {
    mkdirSync(join(root, id), { recursive: true });
    await stores.of(id).saveRecord(record(id));
  }
  return { root, stores };
}

const record = (id: string): WorkspaceRecord => ({
  version: 1,
  vmId: id,
  vmName: `name-of-${id}`,
  socket: "/run/s",
  top: "/repo",
  guestPath: "/root/repo",
  head: null,
  branch: null,
  baseTree: "0".repeat(40),
  copiedAt: "",
});

const entries = (root: string, below = "") => readdirSync(join(root, below)).toSorted();

test("a workspace that is not needed goes, with its name and its lock", async (t) => {
  const { root, stores } = await setting(t, "vm1", "vm2", "vm3");
  using held = await stores.lock("vm3");
  await stores.tidy(({ vmId }) => vmId === "vm1");
  assert.deepEqual(entries(root), [".by-name", ".locks", "vm1", "vm3"]);
  assert.deepEqual(entries(root, ".by-name"), ["name-of-vm1.json", "name-of-vm3.json"]);
  assert.deepEqual(entries(root, ".locks"), ["vm3"]);
  await stores.forget("vm3", held);
  assert.deepEqual(
    [entries(root), entries(root, ".by-name"), entries(root, ".locks")],
    [[".by-name", ".locks", "vm1"], ["name-of-vm1.json"], []],
  );
});

test("a name that another VM has by now stays", async (t) => {
  const { root, stores } = await setting(t, "vm1", "vm2");
  await stores.of("vm2").saveRecord({ ...record("vm2"), vmName: "name-of-vm1" });
  using held = await stores.lock("vm1");
  await stores.forget("vm1", held);
  assert.deepEqual(entries(root, ".by-name"), ["name-of-vm1.json", "name-of-vm2.json"]);
});

test("what a killed process left goes; what is in use stays", async (t) => {
  const { root, stores } = await setting(t, "vm1", "vm2");
  await using mine = await stores.scratch();
  writeFileSync(join(mine.path, "history"), "");
  for (const left of [".scratch-0123456789ab-x", "vm1.gone-x", "vm2.gone-x"]) {
    mkdirSync(join(root, left, "deep"), { recursive: true });
    writeFileSync(join(root, left, "deep/file"), "");
  }
  writeFileSync(join(root, ".locks", "scratch-ba9876543210"), "");
  writeFileSync(join(root, ".by-name", "old.json"), JSON.stringify({ vmId: "vm0" }));
  writeFileSync(join(root, ".by-name", "odd.json"), "{");
  using _held = await stores.lock("vm2");
  await stores.tidy(() => true);
  assert.deepEqual(entries(root), [".by-name", ".locks", basename(mine.path), "vm1", "vm2", "vm2.gone-x"].toSorted());
  assert.deepEqual(entries(root, ".by-name"), ["name-of-vm1.json", "name-of-vm2.json"]);
  assert.deepEqual(entries(mine.path), ["history"]);
  assert.deepEqual(entries(root, ".locks"), [basename(mine.path).slice(1).replace(/-\w+$/, ""), "vm1", "vm2"].toSorted());
});

test("scratch directories leave nothing", async (t) => {
  const { root, stores } = await setting(t);
  await using one = await stores.scratch();
  await using two = await stores.scratch();
  assert.notEqual(one.path, two.path);
  await one[Symbol.asyncDispose]();
  await two[Symbol.asyncDispose]();
  assert.deepEqual([entries(root), entries(root, ".locks")], [[".locks"], []]);
});

test("a record that cannot be read keeps no other from being forgotten", async (t) => {
  const { root, stores } = await setting(t, "vm1", "vm2");
  writeFileSync(join(root, "vm1/record.json"), "{");
  await stores.tidy(() => false);
  assert.deepEqual(entries(root), [".by-name", ".locks", "vm1"]);
});
