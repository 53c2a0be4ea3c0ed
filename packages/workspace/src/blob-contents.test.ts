// One git hands over many contents, whatever is in them, and says so when it has not got one.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { blobContents } from "./blob-contents.ts";
import { writeBlob } from "./blob-writer.ts";
import type { WorkspaceStore } from "./store.ts";
import { HostRepository } from "./testing/host-repository.ts";

async function withStore(host: HostRepository): Promise<WorkspaceStore> {
  const store = host.stores.of("vm1");
  await store.create(host.git, `${host.top}/.git/objects`);
  return store;
}

async function kept(store: WorkspaceStore, contents: readonly Uint8Array[]): Promise<readonly string[]> {
  const ids: string[] = [];
  for (const [serial, content] of contents.entries()) {
    const writer = writeBlob(store.objects, content.length, serial);
    await writer.write(content);
    ids.push(await writer.finish());
  }
  return ids;
}

test("property: contents come as they are, in the order asked for, also when one is passed over", async () => {
  using host = new HostRepository();
  const store = await withStore(host);
  const content = fc.oneof(fc.uint8Array({ maxLength: 50 }), fc.constant(Buffer.from("\n\n")), fc.constant(Buffer.alloc(300_000, "x\n")));
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(content, fc.boolean()), { maxLength: 6 }), async (asked) => {
      const ids = await kept(
        store,
        asked.map(([bytes]) => bytes),
      );
      let at = 0;
      for await (const pieces of blobContents(host.git, store, ids)) {
        const [bytes, isRead] = asked[at++] ?? [];
        if (isRead === true) assert.deepEqual(Buffer.concat(await Array.fromAsync(pieces)), Buffer.from(bytes ?? []));
      }
      assert.equal(at, asked.length);
    }),
    { numRuns: 20 },
  );
});

test("a content that is not there, and one that is no content", async () => {
  using host = new HostRepository();
  const store = await withStore(host);
  const [there = ""] = await kept(store, [Buffer.from("x")]);
  const tree = await store.writeTree(host.git, []);
  for (const bad of ["1".repeat(40), tree])
    await assert.rejects(Array.fromAsync(blobContents(host.git, store, [there, bad])), { code: "host.command_failed" });
});
