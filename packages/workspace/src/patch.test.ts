// What a guest changed comes out as a patch that makes the host's files the guest's, and nothing of the guest's or the host's
// repository is touched by making it.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { appendFileSync, chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { pathBelow } from "./look.ts";
import { quoteHeaders } from "./patch.ts";
import { HostRepository, runGit, snapshot } from "./testing/host-repository.ts";

async function copied(): Promise<HostRepository> {
  const host = new HostRepository();
  host.write("Makefile", "test:\n");
  host.write("src/long.txt", "line\n".repeat(50));
  host.write("bin/run", "#!/bin/sh\n", 0o755);
  host.write("picture", Buffer.from([0, 1, 2, 255, 0]));
  host.write(".gitignore", "*.o\nbuild/\n");
  host.link("link", "Makefile");
  host.commit();
  host.write("Makefile", "test:\n\techo dirty on the host\n");
  await host.copy(await host.plan());
  return host;
}

function apply(host: HostRepository, patch: Buffer): void {
  if (patch.length === 0) return;
  const file = join(host.directory, "patch");
  writeFileSync(file, patch);
  execFileSync("git", ["apply", "--whitespace=nowarn", file], { cwd: host.top });
}

test("edits, new files, deletions, modes, links, renames, binaries, commits", async () => {
  using host = await copied();
  const guest = (name: string) => join(host.guest, name);
  appendFileSync(guest("Makefile"), "\techo from the guest\n");
  mkdirSync(guest("new/deep"), { recursive: true });
  writeFileSync(guest("new/deep/file"), "new\n");
  rmSync(guest("link"));
  symlinkSync("bin/run", guest("link"));
  chmodSync(guest("bin/run"), 0o644);
  renameSync(guest("src/long.txt"), guest("src/renamed.txt"));
  writeFileSync(guest("picture"), Buffer.from([9, 0, 255]));
  writeFileSync(guest("committed"), "in a commit\n");
  host.guestGit("add", "committed");
  host.guestGit("commit", "--quiet", "--message=guest");
  writeFileSync(guest("waste.o"), "object\n");
  mkdirSync(guest("build"));
  writeFileSync(guest("build/out"), "built\n");
  const index = readFileSync(join(host.guest, ".git/index"));
  const head = host.guestGit("rev-parse", "HEAD");
  const changes = await host.changes();
  const patch = await host.patch(changes);
  assert.match(patch.toString("latin1"), /rename from src\/long\.txt\nrename to src\/renamed\.txt/);
  apply(host, patch);
  const expected = new Map(snapshot(host.guest));
  expected.delete("waste.o");
  expected.delete("build/out");
  assert.deepEqual(snapshot(host.top), expected);
  assert.ok(readFileSync(join(host.guest, ".git/index")).equals(index));
  assert.equal(host.guestGit("rev-parse", "HEAD"), head);
});

test("no change is no patch; a change taken back is none", async () => {
  using host = await copied();
  assert.equal((await host.patch(await host.changes())).length, 0);
  writeFileSync(join(host.guest, "new"), "x");
  assert.notEqual((await host.patch(await host.changes())).length, 0);
  rmSync(join(host.guest, "new"));
  assert.equal((await host.patch(await host.changes())).length, 0);
});

test("the guest's own ignore rules count, as they are now", async () => {
  using host = await copied();
  writeFileSync(join(host.guest, ".gitignore"), "*.tmp\n!keep.tmp\n");
  mkdirSync(join(host.guest, "sub"));
  writeFileSync(join(host.guest, "sub/.gitignore"), "local\n");
  for (const name of ["a.tmp", "keep.tmp", "a.o", "sub/local", "sub/other"]) writeFileSync(join(host.guest, name), "x");
  const { changed } = await host.changes();
  assert.deepEqual(changed.map(({ name }) => name).toSorted(), [".gitignore", "a.o", "keep.tmp", "sub/.gitignore", "sub/other"]);
});

test("what git tracks in the guest comes, also where a rule ignores it", async () => {
  using host = await copied();
  mkdirSync(join(host.guest, "build"));
  for (const name of ["build/fixture", "build/waste", "a.o"]) writeFileSync(join(host.guest, name), "x");
  host.guestGit("add", "--force", "build/fixture");
  host.guestGit("commit", "--quiet", "--message=fixture");
  const names = async () => (await host.changes()).changed.map(({ name }) => name);
  assert.deepEqual(await names(), ["build/fixture"]);
  host.guestGit("update-index", "--split-index");
  assert.deepEqual(await names(), ["build/fixture"]);
});

test("ignored files come when a pattern names them, and no others", async () => {
  using host = await copied();
  mkdirSync(join(host.guest, "build/deep"), { recursive: true });
  mkdirSync(join(host.guest, "src/build"), { recursive: true });
  for (const name of ["build/out", "build/deep/out.whl", "src/build/x", "a.o"]) writeFileSync(join(host.guest, name), "x");
  const names = async (...includeIgnored: string[]) => (await host.changes({ includeIgnored })).changed.map(({ name }) => name).toSorted();
  assert.deepEqual(await names(), []);
  assert.deepEqual(await names("*.whl"), ["build/deep/out.whl"]);
  assert.deepEqual(await names("/build/", "*.o"), ["a.o", "build/deep/out.whl", "build/out"]);
  assert.deepEqual(await names("build/", "!/src/build/"), ["build/deep/out.whl", "build/out"]);
});

test("a repository made within is left out and told; one made around what was sent is not", async () => {
  using host = await copied();
  mkdirSync(join(host.guest, "vendor"));
  runGit(join(host.guest, "vendor"), ["init", "--quiet"]);
  writeFileSync(join(host.guest, "vendor/file"), "x");
  runGit(join(host.guest, "src"), ["init", "--quiet"]);
  writeFileSync(join(host.guest, "src/more"), "x");
  const { changed, repositories } = await host.changes();
  assert.deepEqual([...repositories], ["vendor"]);
  assert.deepEqual(
    changed.map(({ name }) => name),
    ["src/more"],
  );
});

test("a patch says the same whatever the user's git is told to show", async () => {
  using host = await copied();
  appendFileSync(join(host.guest, "src/long.txt"), "more\n");
  host.run("config", "diff.noprefix", "true");
  host.run("config", "diff.external", "false");
  host.run("config", "color.ui", "always");
  const patch = (await host.patch(await host.changes())).toString("utf8");
  assert.match(patch, /^diff --git a\/src\/long\.txt b\/src\/long\.txt$/m);
});

test("an empty file in a directory named by a blank", async () => {
  using host = await copied();
  mkdirSync(join(host.guest, " "));
  writeFileSync(join(host.guest, " /a"), "");
  writeFileSync(join(host.guest, "text"), "diff --git a/ b/\rdiff --git a/x y b/x y\n");
  apply(host, await host.patch(await host.changes()));
  assert.deepEqual(snapshot(host.top), snapshot(host.guest));
});

test("property: patches are passed on whole however they are cut", async () => {
  const text = fc.array(
    fc.constantFrom("diff --git a/x b/x\n", "diff --git a/ x b/ x\n", "+diff --git a/ x b/ x\n", " \r", "\n", "zabc\n", "diff --gi"),
    { maxLength: 8 },
  );
  await fc.assert(
    fc.asyncProperty(text, fc.nat(7), async (lines, size) => {
      const whole = Buffer.from(lines.join(""));
      const pieces = async function* () {
        for (let at = 0; at < whole.length; at += size + 1) yield await Promise.resolve(whole.subarray(at, at + size + 1));
      };
      const chunks: Buffer[] = [];
      for await (const chunk of quoteHeaders(pieces())) chunks.push(chunk);
      const expected = whole
        .toString()
        .split("\n")
        .map((line) => line.replace(/^diff --git a\/ x b\/ x$/, 'diff --git "a/ x" "b/ x"'))
        .join("\n");
      assert.equal(Buffer.concat(chunks).toString(), expected);
    }),
  );
});

/** Names that often meet: as files, as directories, in other case, as bytes that are no text. */
const part = fc
  .oneof(
    { weight: 4, arbitrary: fc.constantFrom("a", "b", "A", "dir", "-x", " ", "é") },
    { weight: 1, arbitrary: fc.constantFrom("new\nline", 'quo"te', "back\\slash", "tab\t", "ÿþ", "x".repeat(200), "*", "#a", "!a") },
  )
  .map((text) => Buffer.from(text, text === "ÿþ" ? "latin1" : "utf8").toString("latin1"));
const name = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
const content = fc.oneof(
  fc.constantFrom("", "one\n", "one\ntwo\nthree\n", "no end", "crlf\r\n"),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
);
const file = fc.record({ name, kind: fc.constantFrom("file", "file", "program", "link", "gone"), content });
const files = fc.array(file, { maxLength: 8 });

type File = { readonly name: string; readonly kind: string; readonly content: string };

/** Puts files where they can be put; what is in the way of one stays or goes with it, as chance has it. */
function put(top: string, list: readonly File[]): void {
  for (const { name: at, kind, content: data } of list) {
    const path = pathBelow(top, at);
    try {
      mkdirSync(path.subarray(0, path.lastIndexOf(0x2f)), { recursive: true });
      rmSync(path, { recursive: true, force: true });
      if (kind === "link") symlinkSync(Buffer.from(data.replaceAll("\0", "") || "nowhere", "latin1"), path);
      else if (kind !== "gone") writeFileSync(path, Buffer.from(data, "latin1"), { mode: kind === "program" ? 0o755 : 0o644 });
    } catch (error) {
      if (!["EEXIST", "ENOTDIR", "EISDIR", "ENOENT"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    }
  }
}

/** Git knows no empty directories: those of the host would be in the way of what it cannot know of. */
function dropEmptyDirectories(top: string): void {
  execFileSync("find", [top, "-depth", "-mindepth", "1", "-type", "d", "-empty", "-not", "-path", `${top}/.git/*`, "-delete"]);
}

function clear(top: string): void {
  for (const entry of readdirSync(top, { encoding: "buffer" })) {
    if (entry.toString("latin1") !== ".git") rmSync(pathBelow(top, entry.toString("latin1")), { recursive: true });
  }
}

test("property: export, then apply, and the host has the guest's files", async () => {
  await fc.assert(
    fc.asyncProperty(files, files, files, async (committed, dirty, edits) => {
      using host = new HostRepository();
      put(host.top, committed);
      host.commit();
      put(host.top, dirty);
      dropEmptyDirectories(host.top);
      host.run("add", "--intent-to-add", "--all");
      await host.copy(await host.plan());
      assert.deepEqual(snapshot(host.guest), snapshot(host.top));
      put(host.guest, edits);
      const changes = await host.changes();
      apply(host, await host.patch(changes));
      assert.deepEqual(snapshot(host.top), snapshot(host.guest));
      clear(host.guest);
      assert.equal(
        (await host.changes()).changed.every(({ id }) => id === undefined),
        true,
      );
    }),
    { numRuns: 25 },
  );
});
