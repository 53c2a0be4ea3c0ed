// Commands on several VMs: at once, told in order, one failure does not stop the rest.
import assert from "node:assert/strict";
import { test } from "node:test";
import { BangerError } from "@banger/api";
import { fakeVm } from "../../testing/fixtures.ts";
import { openScene } from "../../testing/run-cli.ts";

const unknown = (name: string) => new BangerError("vm.not_found", `there is no VM ${name}`, { hint: "banger vm list" });

test("unknown names do not stop the others; exit 1", async () => {
  await using scene = await openScene({
    vmDelete: ({ params }) => {
      if (params.name === "nope") throw unknown(params.name);
      return { kept: null };
    },
  });
  assert.deepEqual(await scene.cli(["vm", "rm", "-f", "a", "nope", "b"]), {
    status: 1,
    stdout: "a deleted\nb deleted\n",
    stderr: "error: nope: there is no VM nope\n  try: banger vm list\n",
  });
});

test("they run at once and are told in the given order", async () => {
  const bIsTold = Promise.withResolvers<void>();
  await using scene = await openScene({
    vmStop: async ({ params, emit }) => {
      emit({ type: "stage.started", stage: "shutdown", atMs: 0 });
      // `a` ends only after `b` has: in sequence, neither ever would.
      if (params.name === "a") await bIsTold.promise;
      emit({ type: "stage.finished", stage: "shutdown", durationMs: 400, atMs: 400 });
      return fakeVm({ name: params.name, status: "stopped" });
    },
  });
  const said = await scene.cli(["vm", "stop", "a", "b", "a"], { onStderr: () => bIsTold.resolve() });
  assert.deepEqual(said, { status: 0, stdout: "a stopped\nb stopped\n", stderr: "✓ b: shutdown  0.4s\n✓ a: shutdown  0.4s\n" });
});

test("--json tells each one's fate", async () => {
  await using scene = await openScene({
    vmKill: ({ params, body }) => {
      if (params.name === "nope") throw unknown(params.name);
      assert.deepEqual(body, { signal: "TERM" });
      return fakeVm();
    },
  });
  const said = await scene.cli(["vm", "kill", "a", "nope", "--signal", "sigterm", "--json"]);
  assert.deepEqual({ status: said.status, stderr: said.stderr }, { status: 1, stderr: "" });
  assert.deepEqual(JSON.parse(said.stdout), [
    { name: "a", ok: true, vm: fakeVm() },
    { name: "nope", ok: false, error: { code: "vm.not_found", message: "there is no VM nope", hint: "banger vm list" } },
  ]);
});

test("one alone is told without its name; what a delete kept is in its JSON", async () => {
  const kept = { id: "0f3a9c", name: "a", deletedAt: "2026-01-01T00:00:00.000Z", workspaces: [] };
  await using scene = await openScene({
    vmDelete: ({ params }) => {
      if (params.name === "nope") throw unknown(params.name);
      return { kept };
    },
  });
  assert.equal((await scene.cli(["vm", "delete", "nope"])).stderr, "error: there is no VM nope\n  try: banger vm list\n");
  assert.deepEqual(JSON.parse((await scene.cli(["vm", "delete", "a", "--json"])).stdout), [{ name: "a", ok: true, kept }]);
});

test("--all means all there are; a delete of them asks, unless it is told not to", async () => {
  const gone: string[] = [];
  await using scene = await openScene({
    vmList: () => [fakeVm({ name: "a" }), fakeVm({ name: "off", status: "stopped" })],
    vmStop: ({ params }) => fakeVm({ name: params.name, status: "stopped" }),
    vmDelete: ({ params }) => {
      gone.push(params.name);
      return { kept: null };
    },
  });
  assert.deepEqual(await scene.cli(["vm", "stop", "--all"]), { status: 0, stdout: "a stopped\n", stderr: "" });
  const unsure = await scene.cli(["vm", "delete", "--all"]);
  assert.deepEqual([unsure.status, unsure.stderr.split("\n")[0]], [2, "error: without a terminal nobody can be asked"]);
  const isTerminal = { stdin: true, stderr: true };
  const no = await scene.cli(["vm", "delete", "--all"], { isTerminal, stdin: "n\n" });
  assert.deepEqual([no.status, no.stderr], [1, "delete a, off? [y/N] nothing was deleted\n"]);
  assert.deepEqual(gone, []);
  assert.equal((await scene.cli(["vm", "delete", "--all"], { isTerminal, stdin: "y\n" })).stdout, "a deleted\noff deleted\n");
  assert.equal((await scene.cli(["vm", "delete", "-a", "-y"])).stdout, "a deleted\noff deleted\n");
  assert.equal((await scene.cli(["vm", "stop", "a", "--all"])).status, 2);
});

test("Ctrl-C says that a stop goes on", async () => {
  await using scene = await openScene({
    vmStop: ({ signal }) => {
      void scene.signal("SIGINT");
      return new Promise((resolve) => signal.addEventListener("abort", () => resolve(fakeVm())));
    },
  });
  assert.deepEqual(await scene.cli(["vm", "stop", "a"]), {
    status: 130,
    stdout: "",
    stderr: "left: stopping goes on.  how far it is: banger vm list\n",
  });
});

test("start waits as told and Ctrl-C undoes it", async () => {
  await using scene = await openScene({
    vmStart: ({ query, signal }) => {
      assert.equal(query?.wait, "ssh");
      void scene.signal("SIGTERM");
      return new Promise((resolve) => signal.addEventListener("abort", () => resolve(fakeVm())));
    },
  });
  assert.deepEqual(await scene.cli(["vm", "start", "a", "--wait", "ssh"]), {
    status: 143,
    stdout: "",
    stderr: "cancelled: boots under way are undone\n",
  });
});
