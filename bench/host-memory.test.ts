import assert from "node:assert/strict";
import { test } from "node:test";
import { pssOf, pssOfMappings } from "./host-memory.ts";

const SMAPS = `7f0000000000-7f0040000000 rw-p 00000000 00:00 0
Size:            1048576 kB
Rss:              300000 kB
Pss:              300000 kB
7f0050000000-7f0050001000 r--p 00000000 fe:01 12 /usr/lib/x.so
Size:                  4 kB
Pss:                   1 kB
`;

test("the guest's memory is the mapping of its size", () => {
  assert.equal(pssOfMappings(SMAPS, 1024 ** 3), 300_000 * 1024);
  assert.equal(pssOfMappings(SMAPS, 1024 ** 3 - 132 * 1024), 300_000 * 1024, "with a heap beside it");
  assert.throws(() => pssOfMappings(SMAPS, 2 * 1024 ** 2), /no mapping has the 2097152 bytes/);
});

test("a process has memory", async () => {
  assert.ok((await pssOf(process.pid)) > 1e6);
});
