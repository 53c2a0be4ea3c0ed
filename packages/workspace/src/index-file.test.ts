// A git index as git writes it, in every version, is read as git reads it; anything else is none.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { readIndexFile } from "@banger/api/guest-index";
import { indexDigest } from "./index-file.ts";
import { parseIndex } from "./repository.ts";
import { HostRepository } from "./testing/host-repository.ts";

test("versions 2, 3 and 4, odd names, conflicts, intended files", () => {
  using host = new HostRepository();
  for (const name of ["a", "a b", "dir/a", "dir/long".repeat(30), "größe\n", "-rf"]) host.write(name, `${name}\n`);
  host.write("run", "", 0o755);
  host.link("link", "a");
  host.commit();
  host.run("checkout", "--quiet", "-b", "other");
  host.write("a", "theirs\n");
  host.commit();
  host.run("checkout", "--quiet", "main");
  host.write("a", "ours\n");
  host.commit();
  assert.throws(() => host.run("merge", "other"));
  const file = join(host.top, ".git/index");
  const listed = () => parseIndex(Buffer.from(host.run("ls-files", "--stage", "-z"), "latin1"));
  const digests = new Set<string>();
  for (const version of ["2", "4"]) {
    host.run("update-index", "--index-version", version);
    const read = readIndexFile(readFileSync(file));
    assert.deepEqual(read, listed());
    digests.add(indexDigest(read ?? []));
  }
  assert.equal(digests.size, 1);
  host.write("later", "later\n");
  host.run("add", "--intent-to-add", "later");
  host.run("update-index", "--index-version", "3");
  assert.deepEqual(readIndexFile(readFileSync(file)), listed());
  host.run("update-index", "--split-index");
  assert.equal(readIndexFile(readFileSync(file)), undefined);
});

test("names that grow without end make it none", () => {
  const entry = Buffer.concat([Buffer.alloc(62), Buffer.from("\0more\0")]);
  const header = Buffer.from("DIRC\0\0\0\u0004\0\0\u000f\u00a0", "latin1");
  assert.equal(readIndexFile(Buffer.concat([header, ...Array.from({ length: 4000 }, () => entry)])), undefined);
});

test("property: bytes that are no index end as entries or as none", () => {
  using host = new HostRepository();
  host.write("a", "a\n");
  host.write("b/c", "c\n");
  host.commit();
  const good = readFileSync(join(host.top, ".git/index"));
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 6 }), fc.nat(good.length), (flips, length) => {
      const bytes = Buffer.from(good.subarray(0, length));
      for (const [at, value] of flips) if (at < bytes.length) bytes[at] = value;
      readIndexFile(bytes);
    }),
  );
});
