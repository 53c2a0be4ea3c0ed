// What every agent must do with archives, part of the contract suite.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { Readable } from "node:stream";
import { MIB } from "@banger/api";
import { pack } from "tar-stream";
import type { GuestClient } from "./contract.ts";
import { tarOf, untar } from "./tar.test-support.ts";

export function fileTests(client: () => GuestClient): void {
  test("files go in and come out as they were", async () => {
    const big = randomBytes(8 * MIB);
    const archive = pack();
    archive.entry({ name: "tree/a.txt", mode: 0o640 }, "hello");
    archive.entry({ name: "tree/link", type: "symlink", linkname: "a.txt" });
    archive.entry({ name: "tree/big.bin" }, big);
    archive.finalize();
    const put = await client().putFiles("/tmp/contract", Readable.from(archive), { owner: "0:0" });
    assert.ok(put.files >= 2, `${put.files} files`);
    const found = await untar(await client().getFiles("/tmp/contract/tree"));
    assert.equal(found.get("tree/a.txt")?.toString(), "hello");
    assert.equal(found.get("tree/link")?.toString(), "-> a.txt");
    assert.ok(found.get("tree/big.bin")?.equals(big));
  });

  test("an entry that leaves its directory is refused, the source is let go", async () => {
    const source = Readable.from([await tarOf("../escape", "no")]);
    await assert.rejects(client().putFiles("/tmp/contract2", source), { code: "api.bad_request" });
    assert.ok(source.destroyed);
  });

  test("a refusal ends an endless upload", { timeout: 60_000 }, async () => {
    const endless = Readable.from(
      (function* () {
        for (;;) yield Buffer.alloc(65_536, "this is no tar");
      })(),
    );
    await assert.rejects(client().putFiles("/tmp/contract3", endless), { code: "api.bad_request" });
    assert.ok(endless.destroyed);
  });

  test("a source that fails fails the upload with its own error", async () => {
    const source = new Readable({ read: () => source.destroy(new Error("disk gone")) });
    await assert.rejects(client().putFiles("/tmp/contract4", source), /disk gone/);
    assert.equal((await client().health()).protocol, 1);
  });

  test("a file that is not there", () => assert.rejects(client().getFiles("/no/such"), { code: "guest.path_not_found" }));

  test("what is at a path", async () => {
    assert.equal((await client().statFile("/tmp")).type, "directory");
    await assert.rejects(client().statFile("/no/such"), { code: "guest.path_not_found" });
  });
}

interface Connections {
  connect(): Promise<GuestClient>;
  cut(): void;
}

/** Tears uploads by cutting the connection. Answers a new one. */
export async function tearUploads(client: GuestClient, guest: Connections): Promise<GuestClient> {
  let current = client;
  for (let round = 0; round < 3; round += 1) {
    const torn = await tarOf("torn", randomBytes(8 * MIB));
    const untilCut = Readable.from(
      (function* () {
        for (let from = 0; from < torn.length; from += 65_536) {
          if (from > (2 + round) * MIB) guest.cut();
          yield torn.subarray(from, from + 65_536);
        }
      })(),
    );
    await assert.rejects(current.putFiles("/tmp/contract-torn", untilCut), { code: "guest.unreachable" });
    current = await guest.connect();
    const content = randomBytes(6 * MIB);
    await current.putFiles("/tmp/contract-torn", Readable.from([await tarOf("whole", content)]));
    const found = await untar(await current.getFiles("/tmp/contract-torn/whole"));
    assert.ok(found.get("whole")?.equals(content));
    await assert.rejects(current.statFile("/tmp/contract-torn/torn"), { code: "guest.path_not_found" });
  }
  return current;
}
