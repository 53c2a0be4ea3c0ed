// What every agent must answer of a tree: its list, blob ids and chosen contents.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { pack } from "tar-stream";
import type { GuestClient } from "./contract.ts";
import { untar } from "./tar.test-support.ts";

export function treeTests(client: () => GuestClient): void {
  test("what is in a directory, and the contents asked for, in the terms of git", async () => {
    const archive = pack();
    archive.entry({ name: "a b.txt", mode: 0o644 }, "hello\n");
    archive.entry({ name: "bin/run", mode: 0o755 }, "");
    archive.entry({ name: "link", type: "symlink", linkname: "a b.txt" });
    archive.entry({ name: ".git/HEAD" }, "ref");
    archive.entry({ name: "nested/.git/HEAD" }, "ref");
    archive.finalize();
    const path = "/tmp/contract-tree";
    await client().putFiles(path, Readable.from(archive), { owner: "0:0" });
    const lines = async (stream: Readable) =>
      (await text(stream))
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as unknown);
    const file = { path: "a b.txt", type: "file", mode: "100644", size: 6 };
    const program = { path: "bin/run", type: "file", mode: "100755", size: 0 };
    const link = { path: "link", type: "symlink", mode: "120000", size: 7 };
    assert.deepEqual(await lines(await client().tree(path)), [
      file,
      program,
      link,
      { path: "nested", type: "repository", size: 0 },
      { entries: 4 },
    ]);
    const paths64 = ["a b.txt", "gone", "link"].map((name) => Buffer.from(name).toString("base64"));
    assert.deepEqual(await lines(await client().treeIds({ path, paths64 })), [
      { ...file, id: "ce013625030ba8dba906f756967f9e9ca394464a" },
      { ...link, id: createHash("sha1").update("blob 7\0a b.txt").digest("hex") },
      { entries: 2 },
    ]);
    const found = await untar(await client().selectFiles({ path, paths64 }));
    assert.deepEqual(
      [...found].map(([name, content]) => [name, content.toString()]),
      [
        ["0", "hello\n"],
        ["2@", "a b.txt"],
      ],
    );
    const removed = ["bin/run", "gone", "link"].map((name) => Buffer.from(name).toString("base64"));
    assert.deepEqual(await client().removeFiles({ path, paths64: removed }), { files: 2 });
    assert.deepEqual(await lines(await client().tree(path)), [file, { path: "nested", type: "repository", size: 0 }, { entries: 2 }]);
    await assert.rejects(client().removeFiles({ path, paths64: [Buffer.from("../up").toString("base64")] }), { code: "api.bad_request" });
    await assert.rejects(client().tree("/no/such/place"), { code: "guest.path_not_found" });
    await assert.rejects(client().treeIds({ path, paths64: [Buffer.from("../up").toString("base64")] }), { code: "api.bad_request" });
  });
  rootTests(client);
  changeTests(client);
}

function rootTests(client: () => GuestClient): void {
  test("a symlink to a directory is that directory; what is no directory is refused, not told as an empty one", async () => {
    const archive = pack();
    archive.entry({ name: "moved/f", mode: 0o644 }, "hello\n");
    archive.entry({ name: "to-moved", type: "symlink", linkname: "moved" });
    archive.entry({ name: "to-file", type: "symlink", linkname: "moved/f" });
    archive.entry({ name: "to-nothing", type: "symlink", linkname: "nothing" });
    archive.finalize();
    await client().putFiles("/tmp/contract-root", Readable.from(archive), { owner: "0:0" });
    const paths64 = [Buffer.from("f").toString("base64")];
    const path = "/tmp/contract-root/to-moved";
    const entry = '{"path":"f","type":"file","mode":"100644","size":6';
    assert.equal(await text(await client().tree(path)), `${entry}}\n{"entries":1}\n`);
    assert.equal(
      await text(await client().treeIds({ path, paths64 })),
      `${entry},"id":"ce013625030ba8dba906f756967f9e9ca394464a"}\n{"entries":1}\n`,
    );
    assert.deepEqual([...(await untar(await client().selectFiles({ path, paths64 }))).keys()], ["0"]);
    for (const name of ["moved/f", "to-file", "to-nothing", "gone", "moved/f/below"]) {
      const none = { path: `/tmp/contract-root/${name}`, paths64 };
      const isRefused = { code: "guest.path_not_found", message: `no directory at ${none.path} in the guest` };
      await assert.rejects(client().tree(none.path), isRefused);
      await assert.rejects(client().treeIds(none), isRefused);
      await assert.rejects(client().selectFiles(none), isRefused);
      await assert.rejects(client().removeFiles(none), isRefused);
    }
    assert.deepEqual(await client().removeFiles({ path, paths64 }), { files: 1 });
  });
}

function changeTests(client: () => GuestClient): void {
  test("what is not as it was is neither replaced nor removed", async () => {
    const path = "/tmp/contract-was";
    const put = async (was: string, content: string) => {
      const archive = pack();
      archive.entry({ name: "f", mode: 0o644, pax: { "BANGER.was": was } }, content);
      archive.finalize();
      await client().putFiles(path, Readable.from(archive), { owner: "0:0" });
    };
    const remove = (was: string) => client().removeFiles({ path, paths64: [Buffer.from("f").toString("base64")], was: [was] });
    const hello = "ce013625030ba8dba906f756967f9e9ca394464a";
    const isChanged = { code: "workspace.conflict", message: "f: changed meanwhile in the guest" };
    await put("nothing", "hello\n");
    await assert.rejects(put("nothing", "other\n"), isChanged);
    await assert.rejects(put(`100755 ${hello}`, "other\n"), isChanged);
    await put(`100644 ${hello}`, "other\n");
    await assert.rejects(put(hello, "again\n"), isChanged);
    await assert.rejects(remove(hello), isChanged);
    await assert.rejects(remove("nothing"), isChanged);
    assert.deepEqual(await remove(""), { files: 1 });
    assert.deepEqual(await remove(hello), { files: 0 });
    await assert.rejects(put(hello, "again\n"), isChanged);
  });
}
