// Every `banger …` line of a code block in the README and the docs is a command line that parses.
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { checkCommandLine } from "./cli.ts";
import { bangerLines } from "./testing/banger-lines.ts";
import { checkDeps } from "./testing/check-deps.ts";

const root = join(import.meta.dirname, "../../..");

for (const document of ["README.md", ...globSync("docs/*.md", { cwd: root }).toSorted()]) {
  test(`the command lines of ${document} parse`, async (t) => {
    for (const { words, text } of bangerLines(readFileSync(join(root, document), "utf8"))) {
      await t.test(text, async () => assert.equal(await checkCommandLine(checkDeps(words)), undefined));
    }
  });
}

test("the README shows the dominant use first", () => {
  const [first] = bangerLines(readFileSync(join(root, "README.md"), "utf8"));
  assert.deepEqual(first?.words, ["vm", "run", "./api", "--", "make", "test"]);
});

test("command lines are found in code blocks, prompts and pipes cut away", () => {
  const found = bangerLines(
    "banger is prose\n```\n$ banger vm run -- sh -c 'echo a b'\nbanger vm list --json | jq . # all\nNAME STATUS\nFOO=1 banger doctor && echo ok\n```\n",
  );
  assert.deepEqual(
    found.map(({ words }) => words),
    [["vm", "run", "--", "sh", "-c", "echo a b"], ["vm", "list", "--json"], ["doctor"]],
  );
});
