import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { splitArgv } from "./argv.ts";

test("what follows the first -- is carried untouched", () => {
  assert.deepEqual(splitArgv(["vm", "exec", "api", "--", "sh", "-c", "a -- b", "--", "x"]), {
    own: ["vm", "exec", "api"],
    trailing: ["sh", "-c", "a -- b", "--", "x"],
  });
});

test("without -- nothing trails; with -- at the end an empty command does", () => {
  assert.equal(splitArgv(["vm", "list"]).trailing, undefined);
  assert.deepEqual(splitArgv(["vm", "list", "--"]).trailing, []);
});

test("common flags before the command and help before it are put where commands look", () => {
  assert.deepEqual(splitArgv(["--json", "vm", "list"]).own, ["vm", "list", "--json"]);
  assert.deepEqual(splitArgv(["-q", "--socket", "/s", "vm", "stop", "a"]).own, ["vm", "stop", "a", "-q", "--socket", "/s"]);
  assert.deepEqual(splitArgv(["--quiet", "--", "x"]).own, ["--quiet"]);
  assert.deepEqual(splitArgv(["--socket", "/s", "vm", "list"]).own, ["vm", "list", "--socket", "/s"]);
  assert.deepEqual(splitArgv(["--socket=/s", "vm", "list"]).own, ["vm", "list", "--socket=/s"]);
  assert.deepEqual(splitArgv(["help", "vm", "run"]).own, ["vm", "run", "--help"]);
});

test("property: any guest command arrives as written", () => {
  const words = fc.array(fc.string());
  const own = fc.array(fc.string({ minLength: 1 }).filter((word) => word !== "help" && !word.startsWith("-")));
  fc.assert(
    fc.property(own, words, (before, after) => {
      assert.deepEqual(splitArgv([...before, "--", ...after]), { own: before, trailing: after });
    }),
  );
});

test("a flag is one whatever its value", () => {
  assert.deepEqual(splitArgv(["vm", "run", "--name=", "--name=a\n", "--name=a"]).own, [
    "vm",
    "run",
    "--name",
    "",
    "--name",
    "a\n",
    "--name=a",
  ]);
});
