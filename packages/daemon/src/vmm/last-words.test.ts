import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import { lastWords } from "./last-words.ts";

it("keeps the last lines, without the program's name", () => {
  assert.equal(lastWords("qemu-system-x86_64: -device x: no such device\n\n"), "-device x: no such device");
  assert.equal(
    lastWords("bwrap: Can't find source path /x: No such file or directory\n"),
    "Can't find source path /x: No such file or directory",
  );
  assert.equal(lastWords("1\n2\n3\n4\n5\n6\n7\n"), "3\n4\n5\n6\n7");
});

it("lets no control character through", () => {
  assert.equal(lastWords("\u001b[31mred\u001b[0m\u0007\r\n"), "red");
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => assert.doesNotMatch(lastWords(text).replaceAll("\n", ""), /\p{Cc}/u)));
});
