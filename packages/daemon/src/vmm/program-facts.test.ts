import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ProgramFacts } from "./program-facts.ts";

test("a program is asked once, by all who ask at once, and again when it has changed", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "program-facts-"));
  t.after(() => rm(directory, { recursive: true }));
  const program = join(directory, "program");
  await writeFile(program, "one");
  let asked = 0;
  const facts = new ProgramFacts((path) => Promise.resolve(`${path} ${(asked += 1)}`));
  assert.deepEqual(await Promise.all([facts.of(program), facts.of(program)]), [`${program} 1`, `${program} 1`]);
  assert.equal(await facts.of(program), `${program} 1`);
  await writeFile(program, "another");
  assert.equal(await facts.of(program), `${program} 2`);
  await rm(program);
  assert.equal(await facts.of(program), `${program} 3`);
});

test("what failed is tried again", async () => {
  let isWorking = false;
  const facts = new ProgramFacts(() => (isWorking ? Promise.resolve("7.2") : Promise.reject(new Error("no"))));
  await assert.rejects(facts.of("/bin/sh"), /no/);
  isWorking = true;
  assert.equal(await facts.of("/bin/sh"), "7.2");
});
