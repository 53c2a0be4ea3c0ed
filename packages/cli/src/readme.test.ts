// Every `banger …` line of the README's code blocks is a command line that parses.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { checkCommandLine } from "./cli.ts";
import { bangerLines } from "./testing/banger-lines.ts";
import { checkDeps } from "./testing/check-deps.ts";

const README = join(import.meta.dirname, "../../../README.md");

test("the README's command lines parse", async (t) => {
  const lines = bangerLines(readFileSync(README, "utf8"));
  assert.ok(lines.length > 0, "the README shows no banger command");
  for (const { words, text } of lines) {
    await t.test(text, async () => assert.equal(await checkCommandLine(checkDeps(words)), undefined));
  }
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
