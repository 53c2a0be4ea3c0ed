// The set of files against what git itself says of a work tree, whatever is in it.
import assert from "node:assert/strict";
import { chmodSync, lstatSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { planFileSet, type FileSet, type Found } from "./file-set.ts";
import { pathBelow } from "./look.ts";
import { nameOfText, splitNul, type FileName } from "./names.ts";
import { HostRepository } from "./testing/host-repository.ts";

const NAMES = ["a", "b c", "-rf", "new\nline", "größe", "\xff\xfe", "x.ignored", "build", "tab\t", '"quoted"', "..."] as const;
const name = fc.array(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
const placed = fc.record({
  name,
  what: fc.constantFrom("file", "program", "link", "link to a directory"),
  isTracked: fc.boolean(),
});
const later = fc.record({ name, what: fc.constantFrom("edit", "remove", "file", "link to a directory", "directory") });

/** False where something else is in the way. */
function make(host: HostRepository, at: string, what: string): boolean {
  const path = pathBelow(host.top, at);
  try {
    mkdirSync(path.subarray(0, path.lastIndexOf(0x2f)), { recursive: true });
    if (what === "link") symlinkSync("nowhere", path);
    else if (what === "link to a directory") symlinkSync("/etc", path);
    else if (what === "directory") mkdirSync(path);
    else writeFileSync(path, at, { flag: what === "edit" ? "w" : "wx" });
    if (what === "program") chmodSync(path, 0o755);
    return true;
  } catch (error) {
    assert.match((error as NodeJS.ErrnoException).code ?? "", /^(EEXIST|ENOTDIR|EISDIR|ENOENT|EACCES|EPERM)$/);
    return false;
  }
}

/** Never through a link that leads out. */
function isOurs(host: HostRepository, at: string): boolean {
  return at.split("/").every((_, depth, parts) => {
    const above = parts.slice(0, depth).join("/");
    return above === "" || lstatSync(pathBelow(host.top, above), { throwIfNoEntry: false })?.isDirectory() !== false;
  });
}

const list = (host: HostRepository, ...args: string[]) => splitNul(Buffer.from(host.run("ls-files", "-z", ...args), "latin1"));
const isThere = (host: HostRepository, at: FileName) =>
  isOurs(host, at) &&
  ["isFile", "isSymbolicLink"].some((is) => lstatSync(pathBelow(host.top, at), { throwIfNoEntry: false })?.[is as "isFile"]() === true);

test("any tree: what git tracks and is there goes, what it does not know on request, what it ignores never", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(placed, { maxLength: 10 }), fc.array(later, { maxLength: 5 }), async (before, after) => {
      using host = new HostRepository();
      host.write(".gitignore", "*.ignored\nbuild\n");
      const made = before.filter((each) => isOurs(host, each.name) && make(host, each.name, each.what));
      for (const each of made.filter(({ isTracked }) => isTracked)) addByName(host, each.name);
      host.run("add", ".gitignore");
      for (const each of after.filter(({ name: at }) => isOurs(host, at))) {
        if (each.what === "remove") rmSync(pathBelow(host.top, each.name), { recursive: true, force: true });
        else make(host, each.name, each.what);
      }
      const tracked = [...new Set(list(host))];
      const untracked = list(host, "--others", "--exclude-standard");
      const { fileSet } = await host.plan();
      assert.deepEqual(namesOf(fileSet), tracked.filter((at) => isThere(host, at)).toSorted());
      const everything = (await host.plan({ includeUntracked: true })).fileSet;
      const isFile = (at: FileName) => !at.endsWith("/") && isThere(host, at);
      assert.deepEqual(namesOf(everything), [...tracked, ...untracked].filter(isFile).toSorted());
      // Nothing is passed over in silence.
      for (const set of [fileSet, everything])
        assert.deepEqual([...namesOf(set), ...set.skipped.map((each) => each.name)].toSorted(), [...tracked, ...untracked].toSorted());
      assert.deepEqual(
        deletedIn(fileSet),
        list(host, "--deleted")
          .filter((at) => isOurs(host, at))
          .toSorted(),
      );
      const ignored = new Set(list(host, "--others", "--ignored", "--exclude-standard"));
      assert.deepEqual(
        namesOf(everything).filter((at) => ignored.has(at)),
        [],
      );
      assert.equal(
        everything.bytes,
        everything.files.reduce((sum, { name: at }) => sum + lstatSync(pathBelow(host.top, at)).size, 0),
      );
    }),
    { numRuns: 20 },
  );
});

/** Through the index: an argument cannot be any bytes. */
function addByName(host: HostRepository, at: string): void {
  host.runWithInput(Buffer.from(`${at}\0`, "latin1"), "update-index", "--add", "-z", "--stdin");
}

function namesOf({ files }: FileSet): readonly FileName[] {
  return files.map((file) => file.name);
}

function deletedIn({ skipped }: FileSet): readonly FileName[] {
  return skipped.filter(({ reason }) => reason === "deleted").map((each) => each.name);
}

test("each name is taken or told, with the reason of what is there", () => {
  const kinds: readonly Found["kind"][] = ["file", "symlink", "missing", "directory", "special", "behind_link"];
  const found = fc.record({ kind: fc.constantFrom(...kinds), readable: fc.boolean(), size: fc.nat() });
  const entry = fc.record({ isTracked: fc.boolean(), stages: fc.integer({ min: 1, max: 3 }), found });
  fc.assert(
    fc.property(fc.array(entry), fc.boolean(), (entries, includeUntracked) => {
      const at = (index: number) => nameOfText(`n${index}`);
      const byName = new Map(entries.map((each, index) => [at(index), each]));
      const names = [...byName.keys()];
      const tracked = names.filter((each) => byName.get(each)?.isTracked === true);
      const set = planFileSet({
        index: tracked.flatMap((each) =>
          Array.from({ length: byName.get(each)?.stages ?? 0 }, (_, stage) => ({ name: each, mode: "100644", id: `${stage}`, stage })),
        ),
        untracked: names.filter((each) => byName.get(each)?.isTracked === false),
        includeUntracked,
        look: (each) => ({ mode: 0o644, mtimeMs: 0, ...byName.get(each)?.found }) as Found,
      });
      assert.deepEqual([...namesOf(set), ...set.skipped.map((each) => each.name), ...set.unreadable].toSorted(), names.toSorted());
      for (const each of set.unreadable)
        assert.deepEqual([byName.get(each)?.found.kind, byName.get(each)?.found.readable], ["file", false]);
      for (const file of set.files) assert.equal(file.indexId === undefined, !file.isTracked || byName.get(file.name)?.stages !== 1);
    }),
  );
});
