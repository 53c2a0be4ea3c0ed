// Files are made together and get their names one by one.
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { HostRepository, snapshot } from "./testing/host-repository.ts";

test("many files, more than are made at once, and one that somebody changes meanwhile", async () => {
  using host = new HostRepository();
  host.write("here", "here\n");
  host.commit();
  await host.copy(await host.plan());
  const names = Array.from({ length: 230 }, (_, at) => `many/${at}`);
  mkdirSync(join(host.guest, "many"));
  for (const name of names) writeFileSync(join(host.guest, name), name.endsWith("7") ? "" : `${name}\n`);
  const { left } = await host.pullWorkTree({ beforeWriting: () => host.write("many/150", "mine\n") });
  assert.deepEqual(left, ["many/150"]);
  const expected = new Map(snapshot(host.guest));
  expected.set("many/150", "file mine\n");
  assert.deepEqual(snapshot(host.top), expected);
  assert.deepEqual(
    readdirSync(join(host.top, "many")).filter((name) => name.startsWith(".banger-")),
    [],
  );
});
