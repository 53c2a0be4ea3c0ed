// A repository copied as a guest gets it: same files, same `git status`, nothing of the host besides.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { HostRepository, snapshot } from "./testing/host-repository.ts";

const status = ["status", "--porcelain=v2", "--branch", "-z"];

function sampleRepository(): HostRepository {
  const host = new HostRepository();
  host.write("Makefile", "test:\n");
  host.write("bin/run", "#!/bin/sh\n", 0o755);
  host.write("docs/größe \n.txt", "odd name\n");
  host.write(`${"d".repeat(120)}/${"f".repeat(250)}`, "long name\n");
  host.write("-rf", "dash\n");
  host.write(".gitignore", "ignored\n");
  host.link("link", "Makefile");
  host.link("dangling", `/nowhere/${"x".repeat(150)}`);
  host.commit("one");
  host.write("ignored", "secret\n");
  return host;
}

test("a clean repository arrives whole, clean, on its branch, with its identity and address", async () => {
  using host = sampleRepository();
  host.run("remote", "add", "origin", "https://user:token@example.invalid/x.git");
  const before = host.run(...status);
  const { record } = await host.copy(await host.plan());
  const expected = new Map(snapshot(host.top));
  expected.delete("ignored");
  assert.deepEqual(snapshot(host.guest), expected);
  assert.equal(host.guestGit(...status), before);
  assert.equal(host.guestGit("log", "--format=%H"), host.run("log", "--format=%H"));
  assert.equal(host.guestGit("remote", "get-url", "origin").trim(), "https://example.invalid/x.git");
  assert.equal(host.guestGit("config", "user.email").trim(), "ada@example.invalid");
  assert.ok(!existsSync(join(host.guest, ".git/hooks")));
  assert.equal(host.run("rev-parse", "HEAD^{tree}").trim(), record.baseTree);
  host.guestGit("fsck", "--full");
  host.guestGit("commit", "--quiet", "--allow-empty", "--message=in the guest");
});

test("staged, edited, deleted, intended and untracked: the guest's status is the host's", async () => {
  using host = sampleRepository();
  host.write("Makefile", "test:\n\techo staged\n");
  host.run("add", "Makefile");
  host.write("Makefile", "test:\n\techo edited\n");
  host.write("new", "staged alone\n");
  host.run("add", "new");
  host.write("intended", "later\n");
  host.run("add", "--intent-to-add", "intended");
  rmSync(join(host.top, "bin/run"));
  host.run("rm", "--quiet", "--", "-rf");
  host.write("note", "untracked\n");
  host.write("dir/nested", "untracked\n");
  const plan = await host.plan({ includeUntracked: true });
  await host.copy(plan);
  const expected = new Map(snapshot(host.top));
  expected.delete("ignored");
  assert.deepEqual(snapshot(host.guest), expected);
  assert.equal(host.guestGit(...status), host.run(...status));
  assert.equal(host.guestGit("diff", "--cached"), host.run("diff", "--cached"));
  assert.equal(host.guestGit("diff"), host.run("diff"));
});

test("untracked files stay unless asked for, ignored ones always; links out of the repository are not followed", async () => {
  using host = sampleRepository();
  host.write("note", "untracked\n");
  execFileSync("mkfifo", [join(host.top, "pipe")]);
  host.write("swapped/inner", "tracked\n");
  host.commit();
  rmSync(join(host.top, "swapped"), { recursive: true });
  host.link("swapped", "/etc");
  rmSync(join(host.top, "note"));
  host.write("other/.git/HEAD", "no repository\n");
  host.write("free", "untracked\n");
  const plan = await host.plan();
  assert.deepEqual(
    plan.fileSet.skipped.filter(({ name }) => !name.startsWith("other")).map(({ name, reason }) => [name, reason]),
    [
      ["free", "untracked"],
      ["note", "deleted"],
      ["swapped", "untracked"],
      ["swapped/inner", "behind_link"],
    ],
  );
  await host.copy(plan);
  assert.ok(!snapshot(host.guest).has("ignored"));
  assert.ok(!snapshot(host.guest).has("free"));
  const everything = await host.plan({ includeUntracked: true });
  assert.deepEqual(
    everything.fileSet.skipped.filter(({ reason }) => reason === "special").map(({ name }) => name),
    [],
  );
});

test("a tracked name that is a fifo now is skipped and told, never waited for", async () => {
  using host = sampleRepository();
  rmSync(join(host.top, "Makefile"));
  execFileSync("mkfifo", [join(host.top, "Makefile")]);
  const plan = await host.plan();
  assert.deepEqual(plan.fileSet.skipped, [{ name: "Makefile", reason: "special" }]);
  await host.copy(plan);
  assert.ok(!snapshot(host.guest).has("Makefile"));
});

test("what changes or goes between the list and the copy is sent as it is then", async () => {
  using host = sampleRepository();
  const plan = await host.plan();
  const report = await host.copy(plan, {
    beforeUpload() {
      appendFileSync(join(host.top, "Makefile"), "# more\n");
      rmSync(join(host.top, "bin/run"));
      rmSync(join(host.top, "link"));
      execFileSync("mkfifo", [join(host.top, "link")]);
    },
  });
  assert.deepEqual([...report.vanished], ["bin/run", "link"]);
  assert.equal(readFileSync(join(host.guest, "Makefile"), "utf8"), "test:\n# more\n");
  const store = host.stores.of("vm1");
  const shown = await host.git.text(["show", `${report.record.baseTree}:Makefile`], {
    cwd: store.directory,
    variables: store.variables,
  });
  assert.equal(shown, "test:\n# more");
});

test("content that git would not call changed but was not the index's is kept as sent", async () => {
  using host = sampleRepository();
  host.write("crlf.txt", "one\r\ntwo\r\n");
  host.write(".gitattributes", "*.txt text eol=crlf\n");
  host.commit();
  const { record } = await host.copy(await host.plan());
  assert.equal(readFileSync(join(host.guest, "crlf.txt"), "utf8"), "one\r\ntwo\r\n");
  const store = host.stores.of("vm1");
  assert.equal(
    await host.git.text(["cat-file", "-s", `${record.baseTree}:crlf.txt`], { cwd: store.directory, variables: store.variables }),
    "10",
  );
  assert.equal(host.guestGit("status", "--porcelain"), host.run("status", "--porcelain"));
});

test("linked work trees, no commit yet, a detached HEAD, conflicts", async (t) => {
  await t.test("linked work tree", async () => {
    using host = sampleRepository();
    const main = host.top;
    host.run("worktree", "add", "--quiet", "-b", "side", join(host.directory, "side"));
    const plan = await host.plan({ path: join(host.directory, "side") });
    await host.copy(plan);
    assert.equal(host.guestGit("branch", "--show-current").trim(), "side");
    assert.equal(host.guestGit("status", "--porcelain"), "");
    assert.ok(existsSync(join(main, ".git")));
  });
  await t.test("no commit", async () => {
    using host = new HostRepository();
    host.write("a", "a\n");
    host.run("add", "a");
    await host.copy(await host.plan());
    assert.equal(host.guestGit(...status), host.run(...status));
  });
  await t.test("detached", async () => {
    using host = sampleRepository();
    host.run("checkout", "--quiet", "--detach");
    await host.copy(await host.plan());
    assert.equal(host.guestGit(...status), host.run(...status));
  });
  await t.test("conflict", async () => {
    using host = sampleRepository();
    host.run("checkout", "--quiet", "-b", "other");
    host.write("Makefile", "theirs\n");
    host.commit();
    host.run("checkout", "--quiet", "main");
    host.write("Makefile", "ours\n");
    host.commit();
    assert.throws(() => host.run("merge", "other"));
    await host.copy(await host.plan());
    assert.equal(host.guestGit("status", "--porcelain"), host.run("status", "--porcelain"));
  });
  await t.test("from a directory within", async () => {
    using host = sampleRepository();
    await host.copy(await host.plan({ path: join(host.top, "bin") }));
    assert.ok(snapshot(host.guest).has("Makefile"));
  });
});

test("depth: fifty commits, or all of them", async () => {
  using host = new HostRepository();
  for (let at = 0; at < 55; at += 1) host.run("commit", "--quiet", "--allow-empty", `--message=${at}`);
  await host.copy(await host.plan());
  assert.equal(host.guestGit("rev-list", "--count", "HEAD").trim(), "50");
  rmSync(host.guest, { recursive: true });
  await host.copy(await host.plan({ mode: "full" }));
  assert.equal(host.guestGit("rev-list", "--count", "HEAD").trim(), "55");
});

test("a new branch from HEAD keeps the work tree; from a commit it has that commit's files", async () => {
  using host = sampleRepository();
  host.write("Makefile", "second\n");
  host.commit("two");
  host.write("Makefile", "dirty\n");
  await host.copy(await host.plan({ branch: "topic" }));
  assert.equal(host.guestGit("branch", "--show-current").trim(), "topic");
  assert.equal(readFileSync(join(host.guest, "Makefile"), "utf8"), "dirty\n");
  rmSync(host.guest, { recursive: true });
  await host.copy(await host.plan({ branch: "older", from: "HEAD~1" }));
  assert.equal(readFileSync(join(host.guest, "Makefile"), "utf8"), "test:\n");
  assert.equal(host.guestGit("status", "--porcelain"), "");
  assert.equal(host.guestGit("rev-parse", "HEAD"), host.run("rev-parse", "HEAD~1"));
  assert.equal(readFileSync(join(host.top, "Makefile"), "utf8"), "dirty\n");
});

test("what cannot be copied whole is refused with the reason", async (t) => {
  const refused = async (code: string, message: RegExp, plan: () => Promise<unknown>) => {
    await assert.rejects(plan, (error: { readonly code: string; readonly message: string }) => {
      assert.equal(error.code, code);
      assert.match(error.message, message);
      return true;
    });
  };
  await t.test("submodules", async () => {
    using host = sampleRepository();
    host.run("update-index", "--add", "--cacheinfo", `160000,${host.run("rev-parse", "HEAD").trim()},vendor/lib`);
    await refused("workspace.unsupported", /submodules.*vendor\/lib/, () => host.plan());
  });
  await t.test("bare, none, nothing", async () => {
    using host = sampleRepository();
    host.run("clone", "--quiet", "--bare", host.top, join(host.directory, "bare"));
    await refused("workspace.unsupported", /bare/, () => host.plan({ path: join(host.directory, "bare") }));
    await refused("workspace.unsupported", /inside a \.git/, () => host.plan({ path: join(host.top, ".git") }));
    await refused("workspace.not_repository", /not in a git repository/, () => host.plan({ path: host.directory }));
    await refused("workspace.not_repository", /nothing is at/, () => host.plan({ path: join(host.directory, "missing") }));
  });
  await t.test("bad branch and commit", async () => {
    using host = sampleRepository();
    await refused("workspace.bad_request", /no name for a branch/, () => host.plan({ branch: "a..b" }));
    await refused("workspace.bad_request", /no commit/, () => host.plan({ branch: "a", from: "nowhere" }));
    await refused("workspace.bad_request", /no commit/, () => host.plan({ branch: "a", from: "--help" }));
  });
});

test("the host repository is not touched", async () => {
  using host = sampleRepository();
  writeFileSync(join(host.top, "Makefile"), "dirty\n");
  // Git may freshen the times of objects; nothing else is written.
  const listing = () =>
    execFileSync("find", [join(host.top, ".git"), "-path", "*/objects/*", "-printf", "%p\n", "-o", "-printf", "%p %s %T@\n"], {
      encoding: "utf8",
    });
  const before = listing();
  await host.copy(await host.plan({ includeUntracked: true, branch: "topic", from: "HEAD" }));
  assert.equal(listing(), before);
});
