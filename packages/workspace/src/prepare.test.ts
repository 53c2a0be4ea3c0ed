// A copy brought up to date: only what changed here goes, what the guest made stays, and what it changed is never overwritten
// unasked. `git status` in the guest is the host's, and the guest's own edits.
import assert from "node:assert/strict";
import { appendFileSync, chmodSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { pathBelow } from "./look.ts";
import { directoryClient } from "./testing/directory-client.ts";
import { HostRepository, snapshot } from "./testing/host-repository.ts";

async function copied(): Promise<HostRepository> {
  const host = new HostRepository();
  host.write("Makefile", "test:\n");
  host.write("src/a", "a\n");
  host.write("src/b", "b\n");
  host.write("gone", "gone\n");
  host.write(".gitignore", "built\n");
  host.commit("first");
  await host.copy(await host.plan());
  return host;
}

const status = ["status", "--porcelain=v2", "--branch", "-z"];
const refused = (message: RegExp) => (error: { readonly code: string; readonly message: string }) => {
  assert.equal(error.code, "workspace.conflict");
  assert.match(error.message, message);
  return true;
};

test("edits, new files, deletions, modes, links, commits and the index follow; the guest's own files stay", async () => {
  using host = await copied();
  writeFileSync(join(host.guest, "notes"), "guest\n");
  writeFileSync(join(host.guest, "built"), "guest\n");
  appendFileSync(join(host.guest, "src/b"), "guest\n");
  host.write("src/a", "committed\n");
  host.write("new/deep", "new\n");
  rmSync(join(host.top, "gone"));
  host.commit("second");
  host.commit("third");
  host.write("Makefile", "staged\n");
  host.run("add", "Makefile");
  host.write("Makefile", "edited\n");
  chmodSync(join(host.top, "src/a"), 0o755);
  symlinkSync("Makefile", join(host.top, "link"));
  host.run("add", "link");
  const { send, remove } = await host.prepare();
  assert.deepEqual([send.map(({ name }) => name).toSorted(), remove], [["Makefile", "link", "new/deep", "src/a"], ["gone"]]);
  const expected = new Map(snapshot(host.top));
  for (const [name, content] of [
    ["notes", "file guest\n"],
    ["built", "file guest\n"],
    ["src/b", "file b\nguest\n"],
  ] as const)
    expected.set(name, content);
  assert.deepEqual(snapshot(host.guest), expected);
  assert.equal(host.guestGit("log", "--format=%H"), host.run("log", "--format=%H"));
  assert.equal(host.guestGit("diff", "--cached"), host.run("diff", "--cached"));
  const own = host
    .guestGit(...status)
    .split("\0")
    .filter((line) => !/ src\/b$|^\? notes$/.test(line));
  assert.deepEqual(own, host.run(...status).split("\0"));
  host.guestGit("fsck", "--full");
  const { changed } = await host.changes();
  assert.deepEqual(changed.map(({ name }) => name).toSorted(), ["notes", "src/b"]);
});

test("nothing changed: nothing is sent, asked or written", async () => {
  using host = await copied();
  const client = { socketPath: "/run/test.sock" } as ReturnType<typeof directoryClient>;
  await host.prepare({ client });
});

test("what the guest changed too is in the way: all of it is told, nothing is written; --force overwrites it", async () => {
  using host = await copied();
  appendFileSync(join(host.guest, "src/a"), "guest\n");
  rmSync(join(host.guest, "src/b"));
  writeFileSync(join(host.guest, "new"), "guest\n");
  host.write("src/a", "host\n");
  host.write("src/b", "host\n");
  host.write("new", "host\n");
  host.write("Makefile", "host\n");
  host.run("add", "--all");
  const before = snapshot(host.guest);
  await assert.rejects(
    host.prepare(),
    refused(/new \(changed in the guest\), src\/a \(changed in the guest\), src\/b \(deleted in the guest\)/),
  );
  assert.deepEqual(snapshot(host.guest), before);
  await host.prepare({ isForced: true });
  assert.deepEqual(snapshot(host.guest), snapshot(host.top));
});

test("the same change on both sides is no obstacle, nor is one that was pulled", async () => {
  using host = await copied();
  writeFileSync(join(host.guest, "src/a"), "same\n");
  host.write("src/a", "same\n");
  writeFileSync(join(host.guest, "src/b"), "guest\n");
  await host.pullWorkTree();
  assert.equal(readFileSync(join(host.top, "src/b"), "utf8"), "guest\n");
  host.write("src/b", "guest, then host\n");
  await host.prepare();
  assert.deepEqual(snapshot(host.guest), snapshot(host.top));
  const { changed, tree } = await host.changes();
  assert.deepEqual(changed, []);
  assert.equal((await host.stores.of("vm1").record())?.takenTree, tree);
  appendFileSync(join(host.guest, "src/b"), "more\n");
  await host.pullWorkTree();
  assert.equal(readFileSync(join(host.top, "src/b"), "utf8"), "guest, then host\nmore\n");
});

test("commits, branches and staging of the guest's own are in the way where the host has moved", async (t) => {
  await t.test("a commit there, files alone here: fine", async () => {
    using host = await copied();
    writeFileSync(join(host.guest, "own"), "x\n");
    host.guestGit("add", "own");
    host.guestGit("commit", "--quiet", "--message=own");
    const head = host.guestGit("rev-parse", "HEAD");
    host.write("src/a", "host\n");
    await host.prepare();
    assert.equal(readFileSync(join(host.guest, "src/a"), "utf8"), "host\n");
    assert.equal(host.guestGit("rev-parse", "HEAD"), head);
  });
  await t.test("commits on both sides: refused; forced, the guest's stays reachable there", async () => {
    using host = await copied();
    host.guestGit("commit", "--quiet", "--allow-empty", "--message=own");
    const own = host.guestGit("rev-parse", "HEAD").trim();
    host.commit("second");
    await assert.rejects(host.prepare(), refused(/the guest has commits of its own/));
    await host.prepare({ isForced: true });
    assert.equal(host.guestGit(...status), host.run(...status));
    assert.equal(host.guestGit("rev-parse", `refs/banger/before-prepare/${own.slice(0, 12)}`).trim(), own);
    host.guestGit("fsck", "--full");
  });
  await t.test("another branch here", async () => {
    using host = await copied();
    host.run("checkout", "--quiet", "-b", "topic");
    host.write("src/a", "topic\n");
    host.commit("topic");
    await host.prepare();
    assert.equal(host.guestGit(...status), host.run(...status));
    host.run("checkout", "--quiet", "main");
    await host.prepare();
    assert.equal(host.guestGit(...status), host.run(...status));
    assert.deepEqual(snapshot(host.guest), snapshot(host.top));
    host.guestGit("checkout", "--quiet", "-b", "elsewhere");
    host.commit("more");
    await assert.rejects(host.prepare(), refused(/the guest is on branch elsewhere, not on branch main/));
  });
  await t.test("staged there and here", async () => {
    using host = await copied();
    writeFileSync(join(host.guest, "own"), "x\n");
    host.guestGit("add", "own");
    host.write("new", "x\n");
    host.run("add", "new");
    await assert.rejects(host.prepare(), refused(/something is staged in the guest/));
    host.guestGit("reset", "--quiet");
    await host.prepare();
    assert.equal(host.guestGit("status", "--porcelain"), "A  new\n?? own\n");
  });
  await t.test("git at work there", async () => {
    using host = await copied();
    writeFileSync(join(host.guest, ".git/index.lock"), "");
    host.commit("second");
    await assert.rejects(host.prepare(), refused(/index\.lock/));
  });
});

test("files for directories and back; what the guest put there is in the way", async () => {
  using host = await copied();
  rmSync(join(host.top, "src"), { recursive: true });
  host.write("src", "file\n");
  rmSync(join(host.top, "gone"));
  host.write("gone/inner", "inner\n");
  host.commit("second");
  writeFileSync(join(host.guest, "src/own"), "guest\n");
  await assert.rejects(host.prepare(), refused(/src \(a directory in the guest, a file here\)/));
  rmSync(join(host.guest, "src/own"));
  mkdirSync(join(host.guest, "src/empty"));
  rmSync(join(host.guest, "src/empty"), { recursive: true });
  await host.prepare();
  assert.deepEqual(snapshot(host.guest), snapshot(host.top));
  rmSync(join(host.top, "gone"), { recursive: true });
  rmSync(join(host.top, "src"));
  host.write("src/a", "a\n");
  host.write("gone", "gone\n");
  host.commit("third");
  await host.prepare();
  assert.deepEqual(snapshot(host.guest), snapshot(host.top));
});

test("a history that is too far away comes whole, cut again", async () => {
  using host = await copied();
  for (let at = 0; at < 60; at += 1) host.run("commit", "--quiet", "--allow-empty", `--message=${at}`);
  await host.prepare();
  assert.equal(host.guestGit("rev-list", "--count", "HEAD").trim(), "50");
  host.commit("next");
  await host.prepare();
  assert.equal(host.guestGit("rev-list", "--count", "HEAD").trim(), "51");
  host.guestGit("fsck", "--full");
  assert.equal(host.guestGit("status", "--porcelain"), "");
});

test("one that was cut off is done again, also when the host has changed since", async () => {
  using host = await copied();
  host.write("src/a", "half\n");
  host.write("new", "half\n");
  host.commit("second");
  const client = directoryClient(host.guest);
  const upload = client.upload.bind(client);
  Object.assign(client, {
    async upload(...args: Parameters<typeof upload>) {
      await upload(...args);
      throw new Error("the connection broke");
    },
  });
  await assert.rejects(host.prepare({ client }), /the connection broke/);
  host.write("src/a", "a\n");
  rmSync(join(host.top, "new"));
  host.commit("third");
  await host.prepare();
  assert.deepEqual(snapshot(host.guest), snapshot(host.top));
  assert.equal(host.guestGit(...status), host.run(...status));
});

test("the store has what changes are told from, whatever becomes of the repository", async () => {
  using host = await copied();
  host.write("src/a", "second\n");
  host.run("commit", "--quiet", "--all", "--amend", "--message=amended");
  await host.prepare();
  writeFileSync(join(host.guest, "src/b"), "guest\n");
  renameSync(join(host.top, ".git"), join(host.directory, "away"));
  const patch = (await host.patch(await host.changes())).toString();
  assert.match(patch, /^-b$[^]*^\+guest$/m);
});

test("files that git has in another form: only edits are changes, on the branch too", async () => {
  using host = new HostRepository();
  host.write("crlf.txt", "one\r\ntwo\r\n");
  host.write("other.txt", "one\r\n");
  host.write(".gitattributes", "*.txt text eol=crlf\n");
  host.commit();
  await host.copy(await host.plan());
  assert.deepEqual((await host.prepare()).send, []);
  writeFileSync(join(host.guest, "new"), "x\n");
  await host.pullBranch();
  assert.equal(host.run("diff", "--name-only", "main", "banger/box").trim(), "new");
  host.write("crlf.txt", "changed\r\n");
  assert.deepEqual(
    (await host.prepare()).send.map(({ name }) => name),
    ["crlf.txt"],
  );
});

const contents = fc.option(fc.constantFrom("", "one\n", "two\n", "three\n"), { nil: undefined });
const edits = fc.dictionary(fc.constantFrom("a", "b", "d", "d/a", "d/e/f", "new"), contents, { maxKeys: 4 });

function put(top: string, list: Readonly<Record<string, string | undefined>>): void {
  for (const [name, content] of Object.entries(list)) {
    const path = pathBelow(top, name);
    try {
      rmSync(path, { recursive: true, force: true });
      if (content === undefined) continue;
      mkdirSync(path.subarray(0, path.lastIndexOf(0x2f)), { recursive: true });
      writeFileSync(path, content);
    } catch (error) {
      if (!["EEXIST", "ENOTDIR", "EISDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    }
  }
}

test("property: afterwards the guest has the host's files and its own; refused, it has what it had", async () => {
  await fc.assert(
    fc.asyncProperty(edits, edits, edits, async (committed, ours, theirs) => {
      using host = new HostRepository();
      put(host.top, committed);
      host.commit();
      await host.copy(await host.plan());
      const base = snapshot(host.top);
      put(host.top, ours);
      host.run("add", "--all");
      put(host.guest, theirs);
      const before = snapshot(host.guest);
      const mine = snapshot(host.top);
      const outcome = await host.prepare().then(
        () => "done",
        (error: { readonly code?: string; readonly message: string }) => {
          assert.equal(error.code, "workspace.conflict", error.message);
          return "refused";
        },
      );
      const after = snapshot(host.guest);
      if (outcome === "refused") return assert.deepEqual(after, before);
      const expected = new Map(before);
      for (const name of new Set([...base.keys(), ...mine.keys()])) {
        if (base.get(name) === mine.get(name)) continue;
        const content = mine.get(name);
        if (content === undefined) expected.delete(name);
        else expected.set(name, content);
      }
      assert.deepEqual(new Map(after), expected);
    }),
    { numRuns: 20 },
  );
});
