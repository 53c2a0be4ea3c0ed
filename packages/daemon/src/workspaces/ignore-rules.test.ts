// What our reading of .gitignore files says is what git says.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempDisposableSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { ignoreRules } from "./ignore-rules.ts";

/** Those of `names` that git ignores with these .gitignore files by directory. */
function gitIgnores(files: ReadonlyMap<string, string>, names: readonly string[]): readonly string[] {
  using scratch = mkdtempDisposableSync(join(tmpdir(), "banger-ignore-"));
  const env = { PATH: process.env["PATH"], HOME: "/nonexistent", GIT_CONFIG_NOSYSTEM: "1", LC_ALL: "C" };
  const git = (args: readonly string[], input = "") =>
    spawnSync("git", [...args], { cwd: scratch.path, env, input: Buffer.from(input, "latin1"), encoding: "latin1" });
  git(["init", "--quiet", "--template=", "."]);
  for (const [directory, text] of files) {
    const path = join(scratch.path, directory, ".gitignore");
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text, "latin1");
  }
  const answer = git(["check-ignore", "--no-index", "-z", "--stdin"], names.map((name) => `${name}\0`).join(""));
  assert.ok(answer.status === 0 || answer.status === 1, answer.stderr);
  return answer.stdout.split("\0").filter((name) => name !== "");
}

function weIgnore(files: ReadonlyMap<string, string>, names: readonly string[]): readonly string[] {
  const isIgnored = ignoreRules({ byDirectory: files, excludes: "" });
  return names.filter((name) => isIgnored(name));
}

const NAMES = [
  "a",
  "a.o",
  "b/a.o",
  "b/c/a.o",
  "build/x",
  "src/build/x",
  "src/build",
  "foo/bar/baz",
  "foo/baz",
  "foobar/baz",
  "x y ",
  "x y",
  "#hash",
  "!bang",
  "[a]",
  "a\\b",
  "caf\u00e9",
  "deep/er/down/file.txt",
];

test("patterns of every kind mean what they mean to git", async (t) => {
  const patterns = [
    "*.o",
    "/a",
    "build/",
    "build",
    "/build/",
    "src/build",
    "foo/**/baz",
    "**/baz",
    "**\\/baz",
    "foo/**\\/baz",
    "foo/**",
    "**",
    "foo**/baz",
    "x y ",
    "x y\\ ",
    "x\\ y",
    "#hash",
    "\\#hash",
    "\\!bang",
    "[[]a]",
    "[!b]",
    "[a-c].o",
    "[[:alpha:]]",
    "[]a]",
    "[^[:digit:]]",
    "[z",
    "a\\",
    "a\\\\b",
    "caf?",
    "*\n!a\n!/b/\n",
    "deep/er/\n!deep/er/down/file.txt",
    "deep/er/*\n!deep/er/down/",
    "/*\n!/foo",
    "?",
    "*/a.o",
    "a.o\r\nfoo\r\n",
    "\u00ef\u00bb\u00bfa",
    "***",
    "foo/***/baz",
    "foo//baz",
    "//",
    "!",
    " a",
  ];
  for (const pattern of patterns) {
    await t.test(JSON.stringify(pattern), () => {
      const files = new Map([["", pattern]]);
      assert.deepEqual(weIgnore(files, NAMES), gitIgnores(files, NAMES));
    });
  }
});

test("property: any rules in any directories, any names", () => {
  const part = fc.constantFrom("a", "b", "ab", "a.o", "x y", "-", "\u00e9");
  // Names of files: those of the directories that have rules would be looked up.
  const name = fc
    .array(part, { minLength: 1, maxLength: 4 })
    .map((parts) => parts.join("/"))
    .filter((joined) => joined !== "a" && joined !== "a/b");
  const piece = fc.constantFrom("a", "b", ".o", "*", "**", "/", "/**/", "**/", "?", "[ab]", "[!a]", "[a-", "\\", " ", "!", "x y", "-");
  const rule = fc
    .tuple(fc.constantFrom("", "", "!", "/"), fc.array(piece, { maxLength: 5 }), fc.constantFrom("", "", "/", " "))
    .map(([before, pieces, after]) => `${before}${pieces.join("")}${after}`);
  const text = fc.array(rule, { maxLength: 4 }).map((rules) => rules.join("\n"));
  const files = fc.record({ "": text, a: text, "a/b": text }).map((all) => new Map(Object.entries(all)));
  fc.assert(
    fc.property(files, fc.uniqueArray(name, { minLength: 5, maxLength: 30 }), (rules, names) => {
      assert.deepEqual(weIgnore(rules, names), gitIgnores(rules, names));
    }),
    { numRuns: 40 },
  );
});

test("a rule made to be slow is walked once, or refused", () => {
  const isIgnored = ignoreRules({ byDirectory: new Map([["", `${"*a".repeat(500)}b`]]), excludes: "" });
  assert.equal(isIgnored("a".repeat(4000)), false);
  const many = ignoreRules({ byDirectory: new Map([["", `${"*a".repeat(500)}b\n`.repeat(2000)]]), excludes: "" });
  assert.throws(() => many("a".repeat(4000)), RangeError);
});
