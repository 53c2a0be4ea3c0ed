// A guest's changes as commits on a branch: what is in them, where they are, and that nothing else of the repository moves.
import assert from "node:assert/strict";
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { WorkspaceStore, type WorkspaceRecord } from "./store.ts";
import { directoryClient } from "./testing/directory-client.ts";
import { HostRepository, snapshot } from "./testing/host-repository.ts";

async function copied(): Promise<HostRepository> {
  const host = new HostRepository();
  host.write("Makefile", "test:\n");
  host.write("src/a", "a\n");
  host.write("gone", "gone\n");
  host.commit("first");
  await host.copy(await host.plan());
  return host;
}

const state = (host: HostRepository) => [
  host.run("rev-parse", "HEAD"),
  host.run("status", "--porcelain=v2", "--branch"),
  readFileSync(join(host.top, ".git/index")).toString("latin1"),
  snapshot(host.top),
];

test("a commit on the copy's own, by the host's identity, naming the VM; nothing else moves", async () => {
  using host = await copied();
  appendFileSync(join(host.guest, "src/a"), "guest\n");
  rmSync(join(host.guest, "gone"));
  symlinkSync("Makefile", join(host.guest, "link"));
  host.guestGit("commit", "--quiet", "--all", "--message=in the guest");
  const before = state(host);
  const pulled = await host.pullBranch();
  assert.deepEqual(state(host), before);
  assert.equal(pulled?.name, "banger/box");
  assert.equal(host.run("rev-list", "--count", "main..banger/box").trim(), "1");
  assert.equal(host.run("log", "-1", "--format=%an <%ae> %s", "banger/box").trim(), "Ada Lovelace <ada@example.invalid> Changes of box");
  assert.deepEqual(host.run("diff", "--name-status", "main", "banger/box").trim().split("\n"), ["D\tgone", "A\tlink", "M\tsrc/a"]);
  host.run("fsck", "--full", "--strict");
});

test("again: a commit on top with what is new; nothing new is no commit", async () => {
  using host = await copied();
  writeFileSync(join(host.guest, "one"), "1\n");
  await host.pullBranch();
  assert.equal(await host.pullBranch(), undefined);
  writeFileSync(join(host.guest, "two"), "2\n");
  await host.pullBranch();
  assert.equal(host.run("log", "--format=%s", "main..banger/box").trim(), "Changes of box\nChanges of box");
  assert.equal(host.run("diff", "--name-only", "banger/box~1", "banger/box").trim(), "two");
});

test("what was not committed here when the copy was made is a commit of its own", async () => {
  using host = await copied();
  host.write("Makefile", "dirty\n");
  await host.copy(await host.plan());
  writeFileSync(join(host.guest, "new"), "n\n");
  await host.pullBranch();
  assert.equal(host.run("log", "--format=%s", "main..banger/box").trim(), "Changes of box\nWork tree as box got it");
  assert.equal(host.run("diff", "--name-only", "banger/box~1", "banger/box").trim(), "new");
});

test("before the first commit", async () => {
  using host = new HostRepository();
  host.write("a", "a\n");
  host.run("add", "a");
  await host.copy(await host.plan());
  writeFileSync(join(host.guest, "new"), "n\n");
  await host.pullBranch("work");
  assert.equal(host.run("ls-tree", "--name-only", "work").trim(), "a\nnew");
});

test("a branch that is elsewhere", async (t) => {
  using host = await copied();
  const conflict = (message: RegExp) => (error: { readonly code: string; readonly message: string }) =>
    error.code === "workspace.conflict" && message.test(error.message);
  await t.test("somebody's of that name: another name", async () => {
    host.run("branch", "banger/box");
    writeFileSync(join(host.guest, "one"), "1\n");
    assert.equal((await host.pullBranch())?.name, "banger/box-2");
  });
  await t.test("one that was named: refused", async () => {
    await assert.rejects(host.pullBranch("main"), conflict(/main is there already/));
    await assert.rejects(host.pullBranch("a..b"), /no name for a branch/);
  });
  await t.test("ours, moved on: what is new comes onto another, on what came before", async () => {
    host.run("branch", "--force", "banger/box-2", "main");
    writeFileSync(join(host.guest, "two"), "2\n");
    assert.equal((await host.pullBranch())?.name, "banger/box-3");
    assert.equal(host.run("diff", "--name-only", "banger/box-3~1", "banger/box-3").trim(), "two");
  });
  await t.test("deleted after it was merged: made again", async () => {
    host.run("merge", "--quiet", "--ff-only", "banger/box-3");
    host.run("branch", "-D", "banger/box-3");
    writeFileSync(join(host.guest, "three"), "3\n");
    assert.equal((await host.pullBranch())?.name, "banger/box-3");
    assert.equal(host.run("diff", "--name-only", "main", "banger/box-3").trim(), "three");
  });
  await t.test("checked out: refused", async () => {
    host.run("checkout", "--quiet", "banger/box-3");
    writeFileSync(join(host.guest, "four"), "4\n");
    await assert.rejects(host.pullBranch(), conflict(/checked out in/));
  });
});

test("a branch that is gone, and its commit with it, is made again", async (t) => {
  using host = await copied();
  writeFileSync(join(host.guest, "one"), "1\n");
  const first = await host.pullBranch();
  await t.test("what it would bring is known", async () => {
    host.run("branch", "-D", "banger/box");
    assert.deepEqual(await host.branchChanges(), ["one"]);
  });
  await t.test("with nothing new in the guest: the same commit", async () => {
    assert.deepEqual(await host.pullBranch(), first);
    assert.equal(host.run("rev-parse", "banger/box").trim(), first?.commit);
    assert.deepEqual(await host.branchChanges(), []);
  });
  await t.test("moved away from it: on another branch", async () => {
    host.run("branch", "--force", "banger/box", "main");
    assert.equal((await host.pullBranch())?.name, "banger/box-2");
    assert.equal(host.run("rev-parse", "banger/box-2").trim(), first?.commit);
  });
  await t.test("not when HEAD or a branch has the commit", async () => {
    host.run("branch", "--move", "banger/box-2", "mine");
    assert.equal(await host.pullBranch(), undefined);
    host.run("checkout", "--quiet", "--detach", "mine");
    host.run("branch", "-D", "mine");
    assert.equal(await host.pullBranch(), undefined);
  });
  await t.test("nor when nothing came yet", async () => {
    using other = await copied();
    assert.equal(await other.pullBranch(), undefined);
  });
});

/** The process is killed once the branch has moved, before that is written down. */
class DyingStore extends WorkspaceStore {
  override async saveRecord(record: WorkspaceRecord): Promise<void> {
    if (record.branchAttempt === undefined) throw new Error("killed");
    await super.saveRecord(record);
  }
}

async function pullAndDie(host: HostRepository): Promise<void> {
  await assert.rejects(host.pullBranch(undefined, new DyingStore(host.stores.of("vm1").directory)), /killed/);
}

test("a pull that is killed is done or undone by the next, whenever that was", async (t) => {
  await t.test("after the branch moved: it counts", async () => {
    using host = await copied();
    writeFileSync(join(host.guest, "one"), "1\n");
    await pullAndDie(host);
    const tip = host.run("rev-parse", "banger/box").trim();
    const { branchPull, branchAttempt, takenTree } = await host.settleBranchPull();
    assert.deepEqual([branchPull?.commit, branchAttempt], [tip, undefined]);
    assert.equal(takenTree, branchPull?.tree);
    assert.equal(await host.pullBranch(), undefined);
    writeFileSync(join(host.guest, "two"), "2\n");
    assert.equal((await host.pullBranch())?.name, "banger/box");
    assert.equal(host.run("rev-list", "--count", "main..banger/box").trim(), "2");
  });
  await t.test("after it moved, and was merged and deleted", async () => {
    using host = await copied();
    writeFileSync(join(host.guest, "one"), "1\n");
    await pullAndDie(host);
    host.run("merge", "--quiet", "banger/box");
    host.run("branch", "-d", "banger/box");
    assert.ok((await host.settleBranchPull()).branchPull);
    assert.equal(await host.pullBranch(), undefined);
  });
  await t.test("before it moved: it comes again", async () => {
    using host = await copied();
    writeFileSync(join(host.guest, "one"), "1\n");
    await pullAndDie(host);
    host.run("branch", "-D", "banger/box");
    const { branchPull, branchAttempt } = await host.settleBranchPull();
    assert.deepEqual([branchPull, branchAttempt], [undefined, undefined]);
    assert.equal((await host.pullBranch())?.name, "banger/box");
  });
});

test("contents that came before are not fetched again", async () => {
  using host = await copied();
  writeFileSync(join(host.guest, "big"), "x".repeat(100_000));
  appendFileSync(join(host.guest, "src/a"), "guest\n");
  await host.pullBranch();
  writeFileSync(join(host.guest, "small"), "s\n");
  const names: string[] = [];
  const client = directoryClient(host.guest);
  const bytes = client.bytes.bind(client) as (
    route: { readonly id: string },
    input: { readonly body: { readonly paths64: string[] } },
  ) => unknown;
  Object.assign(client, {
    bytes(...call: Parameters<typeof bytes>) {
      if (call[0].id === "vmFilesSelect") names.push(...call[1].body.paths64.map((name) => Buffer.from(name, "base64").toString()));
      return bytes(...call);
    },
  });
  await host.changes({ client });
  assert.deepEqual(names, ["small"]);
});

test("contents of the repository that a guest never had are no answer, whatever ids it tells", async () => {
  using host = await copied();
  host.write("secret", "secret\n");
  host.run("add", "secret");
  const id = host.run("rev-parse", ":secret").trim();
  writeFileSync(join(host.guest, "src/a"), "guest\n");
  const client = directoryClient(host.guest);
  const bytes = client.bytes.bind(client) as (route: { readonly id: string }, input: object) => Promise<AsyncIterable<Buffer>>;
  Object.assign(client, {
    async bytes(route: { readonly id: string }, input: object) {
      const answer = await bytes(route, input);
      if (route.id !== "vmTreeIds") return answer;
      const chunks: Buffer[] = [];
      for await (const chunk of answer) chunks.push(chunk);
      const { Readable } = await import("node:stream");
      return Readable.from([
        Buffer.from(
          Buffer.concat(chunks)
            .toString()
            .replaceAll(/"id":"[0-9a-f]{40}"/g, `"id":"${id}"`),
        ),
      ]);
    },
  });
  const { tree } = await host.changes({ client });
  const store = host.stores.of("vm1");
  assert.equal(await host.git.text(["show", `${tree}:src/a`], { cwd: store.directory, variables: store.variables }), "guest");
});

test("what is dangerous to have in a repository is refused", async () => {
  using host = await copied();
  mkdirSync(join(host.guest, "sub"));
  writeFileSync(join(host.guest, ".gitmodules"), '[submodule "x"]\n\tpath = sub\n\turl = -upayload\n');
  await assert.rejects(host.pullBranch(), /gitmodules/);
  assert.equal(existsSync(join(host.top, ".git/refs/heads/banger")), false);
});
