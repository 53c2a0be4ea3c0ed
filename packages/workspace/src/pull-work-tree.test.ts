// A guest's changes merged into a work tree: what each side did stays, what both did is a conflict, and nothing is lost.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, lstatSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { pathBelow } from "./look.ts";
import { HostRepository, runGit, snapshot } from "./testing/host-repository.ts";

const LINES = Array.from({ length: 9 }, (_, at) => `line ${at}\n`).join("");

async function copied(): Promise<HostRepository> {
  const host = new HostRepository();
  host.write("text", LINES);
  host.write("other", LINES);
  host.write("src/a", "a\n");
  host.write("src/b", "b\n");
  host.write("program", "#!/bin/sh\n", 0o755);
  host.write("picture", Buffer.from([0, 1, 2]));
  host.write(".gitignore", "ignored\nbuild\n");
  host.commit("first");
  await host.copy(await host.plan());
  return host;
}

const edit = (directory: string, name: string, line: number, by: string) => {
  const path = join(directory, name);
  writeFileSync(path, readFileSync(path, "utf8").replace(`line ${line}\n`, `line ${line} ${by}\n`));
};

test("what only the guest changed comes; what only the host changed stays; both in one file are merged", async () => {
  using host = await copied();
  edit(host.guest, "text", 1, "guest");
  edit(host.top, "text", 7, "host");
  edit(host.guest, "other", 3, "guest");
  host.write("src/a", "host\n");
  host.write("untracked", "mine\n");
  rmSync(join(host.guest, "src/b"));
  chmodSync(join(host.guest, "program"), 0o644);
  mkdirSync(join(host.guest, "deep/er"), { recursive: true });
  writeFileSync(join(host.guest, "deep/er/new"), "new\n", { mode: 0o755 });
  symlinkSync("text", join(host.guest, "link"));
  chmodSync(join(host.top, "other"), 0o600);
  const index = readFileSync(join(host.top, ".git/index"));
  const head = host.run("rev-parse", "HEAD");
  const before = snapshot(host.top);
  const { conflicts, left } = await host.pullWorkTree();
  assert.deepEqual([conflicts, left], [[], []]);
  const text = readFileSync(join(host.top, "text"), "utf8");
  assert.match(text, /line 1 guest\n[^]*line 7 host\n/);
  const expected = new Map(snapshot(host.guest));
  expected.set("text", `file ${text}`);
  expected.set("src/a", "file host\n");
  expected.set("untracked", "file mine\n");
  assert.deepEqual(snapshot(host.top), expected);
  assert.equal(lstatSync(join(host.top, "other")).mode & 0o777, 0o600);
  assert.ok(readFileSync(join(host.top, ".git/index")).equals(index));
  assert.equal(host.run("rev-parse", "HEAD"), head);
  assert.equal(host.run("show", "refs/banger/before-pull/box:text"), before.get("text")?.slice("file ".length));
});

test("again: base is what came last, and what is merged is not merged twice", async () => {
  using host = await copied();
  edit(host.guest, "text", 1, "guest");
  await host.pullWorkTree();
  edit(host.top, "text", 1, "and host");
  assert.deepEqual((await host.pullWorkTree()).steps, []);
  edit(host.guest, "text", 8, "again");
  const { conflicts } = await host.pullWorkTree();
  assert.deepEqual(conflicts, []);
  assert.match(readFileSync(join(host.top, "text"), "utf8"), /line 1/);
  assert.match(readFileSync(join(host.top, "text"), "utf8"), /line 8 again/);
});

test("conflicts: markers, stages in the index, the host's side of what has none", async () => {
  using host = await copied();
  edit(host.guest, "text", 1, "guest");
  edit(host.top, "text", 1, "host");
  writeFileSync(join(host.guest, "picture"), Buffer.from([0, 9]));
  host.write("picture", Buffer.from([0, 8]));
  rmSync(join(host.guest, "src/a"));
  host.write("src/a", "kept\n");
  rmSync(join(host.top, "src/b"));
  writeFileSync(join(host.guest, "src/b"), "guest\n");
  writeFileSync(join(host.guest, "new"), "guest\n");
  host.write("new", "host\n");
  const { conflicts } = await host.pullWorkTree();
  assert.deepEqual(
    conflicts.map(({ name, kind }) => [name, kind]),
    [
      ["new", "both_added"],
      ["picture", "both_changed"],
      ["src/a", "changed_here_deleted_there"],
      ["src/b", "deleted_here_changed_there"],
      ["text", "both_changed"],
    ],
  );
  assert.match(readFileSync(join(host.top, "text"), "utf8"), /<<<<<<< host\nline 1 host\n=======\nline 1 guest\n>>>>>>> vm\/box\n/);
  assert.deepEqual([...readFileSync(join(host.top, "picture"))], [0, 8]);
  assert.equal(readFileSync(join(host.top, "src/a"), "utf8"), "kept\n");
  assert.deepEqual(host.run("status", "--porcelain").trim().split("\n").toSorted(), [
    "AA new",
    "DU src/b",
    "UD src/a",
    "UU picture",
    "UU text",
  ]);
  host.run("checkout", "--theirs", "picture");
  assert.deepEqual([...readFileSync(join(host.top, "picture"))], [0, 9]);
  await assert.rejects(host.pullWorkTree(), /conflicts that are not resolved/);
  host.run("add", "--all");
  host.run("commit", "--quiet", "--message=resolved");
  assert.deepEqual((await host.pullWorkTree()).steps, []);
});

test("a file the host renamed gets the guest's edit", async () => {
  using host = await copied();
  host.run("mv", "text", "renamed");
  edit(host.guest, "text", 1, "guest");
  await host.pullWorkTree();
  assert.match(readFileSync(join(host.top, "renamed"), "utf8"), /line 1 guest/);
  assert.ok(!existsSync(join(host.top, "text")));
});

test("files for directories and back", async () => {
  using host = await copied();
  rmSync(join(host.guest, "src"), { recursive: true });
  writeFileSync(join(host.guest, "src"), "file\n");
  rmSync(join(host.guest, "text"));
  mkdirSync(join(host.guest, "text"));
  writeFileSync(join(host.guest, "text/inner"), "inner\n");
  await host.pullWorkTree();
  assert.deepEqual(snapshot(host.top), snapshot(host.guest));
});

test("what would reach out of the repository or destroy what git does not know is refused before anything is written", async (t) => {
  const cases: readonly (readonly [what: string, set: (host: HostRepository) => void, message: RegExp])[] = [
    [
      "through a link of the host's",
      (host) => {
        host.link("build", "/tmp");
        writeFileSync(join(host.guest, ".gitignore"), "");
        mkdirSync(join(host.guest, "build"));
        writeFileSync(join(host.guest, "build/escaped"), "x");
      },
      /build\/escaped cannot be written: build is a symlink here/,
    ],
    [
      "into a repository of the host's",
      (host) => {
        mkdirSync(join(host.top, "vendor"));
        runGit(join(host.top, "vendor"), ["init", "--quiet"]);
        mkdirSync(join(host.guest, "vendor"));
        writeFileSync(join(host.guest, "vendor/x"), "x");
      },
      /vendor\/x cannot be written: vendor is a repository of its own here/,
    ],
    [
      "a directory of ignored files",
      (host) => {
        host.write("build/precious", "x");
        writeFileSync(join(host.guest, ".gitignore"), "");
        writeFileSync(join(host.guest, "build"), "x");
      },
      /build cannot be written: a directory is there, with build\/precious in it/,
    ],
    [
      "a fifo",
      (host) => {
        execFileSync("mkfifo", [join(host.top, "pipe")]);
        writeFileSync(join(host.guest, "pipe"), "x");
      },
      /pipe cannot be written: what is there is neither file nor symlink/,
    ],
  ];
  for (const [what, set, message] of cases) {
    await t.test(what, async () => {
      using host = await copied();
      edit(host.guest, "text", 1, "guest");
      set(host);
      await assert.rejects(host.pullWorkTree(), (error: { readonly code: string; readonly message: string }) => {
        assert.equal(error.code, "workspace.conflict");
        assert.match(error.message, message);
        return true;
      });
      assert.equal(readFileSync(join(host.top, "text"), "utf8"), LINES);
      assert.ok(!existsSync("/tmp/escaped"));
    });
  }
});

test("no program of anybody's runs: filters, merge drivers, hooks", async () => {
  using host = await copied();
  const trap = join(host.directory, "ran");
  for (const key of ["filter.x.clean", "filter.x.smudge", "merge.x.driver"]) host.run("config", key, `touch ${trap}`);
  host.write(".git/hooks/reference-transaction", `#!/bin/sh\ntouch ${trap}\n`, 0o755);
  writeFileSync(join(host.guest, ".gitattributes"), "* filter=x merge=x\n");
  edit(host.guest, "text", 1, "guest");
  edit(host.top, "text", 7, "host");
  await host.pullWorkTree();
  edit(host.guest, "text", 2, "guest");
  edit(host.top, "text", 6, "host");
  await host.pullWorkTree();
  await host.pullBranch();
  assert.ok(!existsSync(trap));
});

test("what somebody changes in that moment is left alone, and comes with the next pull", async () => {
  using host = await copied();
  edit(host.guest, "text", 1, "guest");
  edit(host.guest, "other", 1, "guest");
  const { left } = await host.pullWorkTree({ beforeWriting: () => edit(host.top, "text", 8, "host") });
  assert.deepEqual(left, ["text"]);
  assert.match(readFileSync(join(host.top, "other"), "utf8"), /guest/);
  assert.doesNotMatch(readFileSync(join(host.top, "text"), "utf8"), /guest/);
  await host.pullWorkTree();
  assert.match(readFileSync(join(host.top, "text"), "utf8"), /line 1 guest\n[^]*line 8 host/);
});

test("one that was killed is finished, whatever was done of it", async () => {
  using host = await copied();
  edit(host.guest, "text", 1, "guest");
  edit(host.guest, "other", 1, "guest");
  edit(host.top, "other", 1, "host");
  renameSync(join(host.guest, "src/a"), join(host.guest, "src/c"));
  const { steps } = await host.beginPull();
  // One step is done, another was under way.
  writeFileSync(join(host.top, "src/c"), "a\n");
  writeFileSync(join(host.top, `.banger-00000000-${steps.findIndex(({ name }) => name === "text")}`), "half");
  assert.equal(await host.finishPull(), "finished");
  assert.equal(await host.finishPull(), undefined);
  assert.equal(host.run("status", "--porcelain"), " M text\n".replace(" M text\n", host.run("status", "--porcelain")));
  assert.match(host.run("status", "--porcelain"), /UU other/);
  assert.match(readFileSync(join(host.top, "text"), "utf8"), /line 1 guest/);
  assert.ok(!existsSync(join(host.top, "src/a")));
  assert.deepEqual(
    [...snapshot(host.top).keys()].filter((name) => name.includes(".banger-")),
    [],
  );
});

const contents = fc.constantFrom(
  "",
  "one\n",
  "two\n",
  LINES,
  LINES.replace("line 2", "second"),
  LINES.replace("line 7", "seventh"),
  "\0\u0001",
  "no end",
);
const edits = fc.dictionary(fc.constantFrom("a", "b", "d/a", "d/b", "d/e/f", "A", "new"), fc.option(contents, { nil: undefined }), {
  maxKeys: 5,
});

function put(top: string, list: Readonly<Record<string, string | undefined>>): void {
  for (const [name, content] of Object.entries(list)) {
    const path = pathBelow(top, name);
    rmSync(path, { recursive: true, force: true });
    if (content === undefined) continue;
    mkdirSync(path.subarray(0, path.lastIndexOf(0x2f)), { recursive: true });
    writeFileSync(path, content);
  }
}

test("property: not a byte of the host is lost, and what the guest alone changed is there", async () => {
  await fc.assert(
    fc.asyncProperty(edits, edits, edits, async (committed, ours, theirs) => {
      using host = new HostRepository();
      put(host.top, committed);
      host.commit();
      await host.copy(await host.plan());
      put(host.top, ours);
      put(host.guest, theirs);
      const before = snapshot(host.top);
      const guest = snapshot(host.guest);
      const base = new Map(Object.entries(committed).filter(([, content]) => content !== undefined));
      const { conflicts } = await host.pullWorkTree();
      const after = snapshot(host.top);
      const inConflict = new Set<string>(conflicts.map(({ name }) => name));
      for (const [name, content] of before) {
        if (after.get(name) === content) continue;
        assert.equal(`file ${host.run("show", `refs/banger/before-pull/box:${name}`)}`, content);
      }
      for (const name of new Set([...guest.keys(), ...before.keys()])) {
        const [old, mine, its, now] = [base.get(name), before.get(name), guest.get(name), after.get(name)];
        const was = old === undefined ? undefined : `file ${old}`;
        if (inConflict.has(name) || mine !== was || its === was) continue;
        if (now === its || its === undefined) continue;
        // A rename of the host's may have taken it elsewhere; one of the guest's may have met the host's edits of the old name.
        const metEdits = old === undefined && [...base].some(([from, text]) => !guest.has(from) && before.get(from) !== `file ${text}`);
        assert.ok((metEdits && now !== undefined) || [...after.values()].includes(its), name);
      }
    }),
    // The guest moves what the host has emptied.
    { numRuns: 15, examples: [[{ "d/a": "no end" }, { "d/a": "" }, { a: "no end", "d/a": undefined }]] },
  );
});
