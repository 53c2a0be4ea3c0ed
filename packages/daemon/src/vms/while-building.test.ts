// An image's build takes minutes: no lock that others need is held meanwhile.
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { poll } from "@banger/host";
import { TestDaemon } from "./test-daemon.ts";

test("VMs are listed, ended and started while one waits for its image to be built", { timeout: 120_000 }, async (context) => {
  const directory = await mkdtemp(join(tmpdir(), "banger-building-"));
  await mkdir(join(directory, "vms"));
  await writeFile(join(directory, "file"), "x");
  const daemon = new TestDaemon(directory);
  context.after(async () => {
    for (const { name } of daemon.records.list()) await daemon.run((operation) => daemon.service.delete(name, operation));
    await daemon.crash();
    await rm(directory, { recursive: true, force: true });
  });
  const statuses = async () => (await daemon.service.list()).map(({ name, status }) => `${name} ${status}`).toSorted();
  await daemon.create("other");
  const built = Promise.withResolvers<void>();
  daemon.pulling = built.promise;
  const waiting = daemon.create("waiting");
  await poll(async () => ((await statuses()).includes("waiting creating") ? true : undefined), { timeoutMs: 20_000 });
  assert.deepEqual(await statuses(), ["other running", "waiting creating"]);
  await daemon.run((operation) => daemon.service.stop("other", operation));
  await daemon.run((operation) => daemon.service.start("other", undefined, operation));
  assert.deepEqual(await statuses(), ["other running", "waiting creating"]);
  await daemon.run((operation) => daemon.service.delete("other", operation));
  assert.deepEqual(await statuses(), ["waiting creating"]);
  daemon.pulling = null;
  built.resolve();
  assert.equal((await waiting).status, "running");
});
