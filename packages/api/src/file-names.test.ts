// Names are bytes on their way and text only when shown; what a guest names must not lead anywhere else.
import assert from "node:assert/strict";
import { resolve } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { bytesOf, nameOfBytes, nameOfText, shownName, splitNul, unsafeReason } from "./file-names.ts";

test("unsafe names are refused, each for its reason; odd ones are not", () => {
  const unsafe = [
    "",
    "/etc/passwd",
    "..",
    "../x",
    "a/../b",
    "a/..",
    "./a",
    "a/.",
    "a//b",
    "a/",
    "nul\0",
    ".git",
    ".git/hooks/post-checkout",
    "sub/.git/config",
    ".GIT/config",
    ".Git",
    "a/.gIt/x",
    "git~1/config",
    "GIT~1",
    ".git ",
    ".git.",
    ".git . /x",
    ".git::$INDEX_ALLOCATION/x",
    ".g\u200cit/config",
    "\u202e.git",
    "x".repeat(4097),
  ];
  for (const name of unsafe) assert.notEqual(unsafeReason(nameOfText(name)), undefined, JSON.stringify(name));
  const safe = [
    "a",
    "a/b",
    ".gitignore",
    ".github/x",
    "git",
    "a.git/b",
    "...",
    "..a",
    "a..",
    " ",
    "-rf",
    "new\nline",
    "x".repeat(255),
    "git~x",
    "\u202egit",
  ];
  for (const name of safe) assert.equal(unsafeReason(nameOfText(name)), undefined, JSON.stringify(name));
});

const anyName = fc.uint8Array({ minLength: 1, maxLength: 30 }).map((bytes) => nameOfBytes(bytes));
const hostile = fc
  .array(fc.constantFrom("..", ".", "", "a", ".git", "/", "b", "\0", "~"), { maxLength: 6 })
  .map((parts) => nameOfText(parts.join("/")));

test("property: a name that is let through stays below its directory and out of .git", () => {
  fc.assert(
    fc.property(fc.oneof(anyName, hostile), (name) => {
      if (unsafeReason(name) !== undefined) return;
      assert.ok(resolve("/top/repo", name).startsWith("/top/repo/"));
      assert.ok(!name.toLowerCase().split("/").includes(".git"));
    }),
    { numRuns: 2000 },
  );
});

test("property: bytes come back, and what is shown is one line without controls", () => {
  fc.assert(
    fc.property(anyName, (name) => {
      assert.equal(nameOfBytes(bytesOf(name)), name);
      assert.match(shownName(name), /^[^\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]*$/u);
    }),
    { numRuns: 2000 },
  );
});

test("how names are shown", () => {
  assert.equal(shownName(nameOfText("größe")), "größe");
  assert.equal(shownName(nameOfText("a\nb")), '"a\\nb"');
  assert.equal(shownName(nameOfText("\u001b[31mred")), '"\\033[31mred"');
  assert.equal(shownName(nameOfBytes(Buffer.from([0x61, 0xff]))), '"a\\377"');
  assert.deepEqual(splitNul(Buffer.from("a\0b\0")), ["a", "b"]);
  assert.deepEqual(splitNul(Buffer.alloc(0)), []);
});
