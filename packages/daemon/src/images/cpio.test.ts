import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { cpioArchive, type CpioEntry } from "./cpio.ts";

interface Member {
  readonly name: string;
  readonly mode: number;
  readonly data: Buffer;
  readonly device: readonly [number, number];
  readonly inode: number;
}

/** What the kernel's unpacker would see. */
function unpack(archive: Buffer): Member[] {
  const members: Member[] = [];
  let at = 0;
  for (;;) {
    assert.equal(archive.toString("latin1", at, at + 6), "070701");
    const field = (index: number) => Number.parseInt(archive.toString("latin1", at + 6 + index * 8, at + 14 + index * 8), 16);
    const nameEnd = at + 110 + field(11);
    const name = archive.toString("utf8", at + 110, nameEnd - 1);
    const dataStart = (nameEnd + 3) & ~3;
    const data = archive.subarray(dataStart, dataStart + field(6));
    const member: Member = { name, mode: field(1), data, device: [field(9), field(10)], inode: field(0) };
    at = (dataStart + data.length + 3) & ~3;
    if (name === "TRAILER!!!") {
      assert.equal(at, archive.length);
      return members;
    }
    members.push(member);
  }
}

const entry: fc.Arbitrary<CpioEntry> = fc.oneof(
  fc.record({ type: fc.constant("directory" as const), path: fc.stringMatching(/^[a-zé]{1,9}$/), mode: fc.constant(0o755) }),
  fc.record({
    type: fc.constant("file" as const),
    path: fc.stringMatching(/^[a-z/.é]{1,20}[a-z]$/),
    mode: fc.constantFrom(0o644, 0o755),
    data: fc.uint8Array({ maxLength: 40 }),
  }),
);

test("what goes in comes out, and archives end on a multiple of 4 bytes", () => {
  fc.assert(
    fc.property(fc.array(entry), (entries) => {
      const relative = entries.filter(({ path }) => !path.startsWith("/"));
      const archive = cpioArchive(relative);
      assert.equal(archive.length % 4, 0);
      const members = unpack(archive);
      assert.deepEqual(
        members.map(({ name }) => name),
        relative.map(({ path }) => path),
      );
      assert.deepEqual(
        members.map(({ data }) => data),
        relative.map((one) => Buffer.from(one.type === "file" ? one.data : [])),
      );
      assert.equal(new Set(members.map(({ inode }) => inode)).size, members.length);
    }),
  );
});

test("a device and a directory carry their type and numbers", () => {
  const [directory, device] = unpack(
    cpioArchive([
      { type: "directory", path: "dev", mode: 0o755 },
      { type: "character-device", path: "dev/console", mode: 0o600, major: 5, minor: 1 },
    ]),
  );
  assert.equal(directory?.mode, 0o040755);
  assert.equal(device?.mode, 0o020600);
  assert.deepEqual(device.device, [5, 1]);
});

test("the same entries give the same bytes; an absolute path is refused", () => {
  const entries: CpioEntry[] = [{ type: "file", path: "init", mode: 0o755, data: Buffer.from("agent") }];
  assert.deepEqual(cpioArchive(entries), cpioArchive(entries));
  assert.throws(() => cpioArchive([{ type: "directory", path: "/dev", mode: 0o755 }]), /not a path/);
});
