import assert from "node:assert/strict";
import { closeSync, openSync } from "node:fs";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { boundedWriter } from "./log.ts";

const bounds = { cap: 4000, keptTail: 1000 } as const;

async function logFile(context: TestContext, before = "") {
  const dir = await mkdtemp(join(tmpdir(), "banger-log-"));
  context.after(() => rm(dir, { recursive: true, force: true }));
  const file = join(dir, "bangerd.log");
  await writeFile(file, before);
  const descriptor = openSync(file, "a");
  context.after(() => closeSync(descriptor));
  return { file, descriptor };
}

test("a log that guests fill stays bounded, and its end is kept", async (context) => {
  const { file, descriptor } = await logFile(context);
  const write = boundedWriter({ file, descriptor, ...bounds });
  const lines = Array.from({ length: 5000 }, (_, index) => `line ${index}\n`);
  for (const line of lines) {
    write(line);
    assert.ok((await stat(file)).size <= bounds.cap + line.length);
  }
  const [kept, now] = [await readFile(`${file}.1`, "utf8"), await readFile(file, "utf8")];
  assert.equal(kept.length, bounds.keptTail);
  assert.ok(lines.join("").endsWith(kept + now), "nothing is lost between the two");
});

test("what earlier daemons wrote counts", async (context) => {
  const { file, descriptor } = await logFile(context, "x".repeat(bounds.cap + 1));
  boundedWriter({ file, descriptor, ...bounds })("new\n");
  assert.equal(await readFile(file, "utf8"), "new\n");
  assert.equal(await readFile(`${file}.1`, "utf8"), "x".repeat(bounds.keptTail));
});

test("an output that is not the log file is not cut", async (context) => {
  const { file, descriptor } = await logFile(context, "x".repeat(bounds.cap + 1));
  boundedWriter({ file: `${file}.other`, descriptor, ...bounds })("new\n");
  assert.equal((await stat(file)).size, bounds.cap + 5);
});
