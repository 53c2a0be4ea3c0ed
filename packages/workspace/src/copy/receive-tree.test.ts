// What a guest sends when it is asked for files: honest trees arrive as they are, anything else is refused by name, and nothing is
// ever written outside of the directory.
import assert from "node:assert/strict";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { test } from "node:test";
import { BangerError } from "@banger/api";
import fc from "fast-check";
import { pack } from "tar-stream";
import { nameOfBytes, nameOfText } from "../names.ts";
import { padding, tarEnd, tarHeader } from "../tar-entry.ts";
import { receiveTree, type Receiving } from "./receive-tree.ts";
import { sendTrees } from "./send-tree.ts";

const LIMITS = { entries: 1000, bytes: 1024 ** 2 };

class Scene implements Disposable {
  readonly outside = mkdtempSync(join(tmpdir(), "banger-cp-"));
  readonly target = join(this.outside, "target");

  constructor() {
    mkdirSync(this.target);
    writeFileSync(join(this.outside, "secret"), "secret");
    symlinkSync(this.outside, join(this.target, "out"));
  }

  receive(source: Readable, over: Partial<Receiving> = {}) {
    return receiveTree({ source, root: nameOfText("t"), directory: this.target, name: nameOfText("t"), limits: LIMITS, ...over });
  }

  [Symbol.dispose](): void {
    rmSync(this.outside, { recursive: true, force: true });
  }
}

type Entry = Partial<Parameters<ReturnType<typeof pack>["entry"]>[0]> & {
  readonly name: string;
  readonly content?: string;
  readonly pax?: Readonly<Record<string, string>>;
};

function tarOf(...entries: readonly Entry[]): Readable {
  const archive = pack();
  for (const { content, ...header } of entries)
    archive.entry(header, content ?? (header.type === undefined || header.type === "file" ? "data" : ""));
  archive.finalize();
  return Readable.from(archive);
}

async function refusal(work: Promise<unknown>): Promise<BangerError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof BangerError, String(error));
  return error;
}

/** Everything below a directory, symlinks not followed. */
function treeOf(directory: string): readonly string[] {
  return readdirSync(directory, { encoding: "latin1", withFileTypes: true })
    .flatMap((entry) =>
      entry.isDirectory() ? [entry.name, ...treeOf(join(directory, entry.name)).map((name) => `${entry.name}/${name}`)] : [entry.name],
    )
    .toSorted();
}

test("a tree arrives as it was: names of any bytes, modes, times, symlinks, nothing at all", async () => {
  using scene = new Scene();
  const from = join(scene.outside, "from");
  mkdirSync(join(from, "sub/empty"), { recursive: true, mode: 0o755 });
  writeFileSync(join(from, "program"), "x".repeat(300_000), { mode: 0o755 });
  writeFileSync(join(from, "sub/secret"), "s", { mode: 0o600 });
  writeFileSync(Buffer.concat([Buffer.from(`${from}/`), Buffer.from("odd\xff\n\x01", "latin1")]), "odd");
  writeFileSync(join(from, "größe"), "");
  writeFileSync(join(from, `long${"x".repeat(200)}`), "long");
  symlinkSync("/etc/passwd", join(from, "sub/link"));
  symlinkSync("y".repeat(300), join(from, "dangling"));
  mkdirSync(join(from, "closed"), { mode: 0o500 });
  const report = { files: 0, bytes: 0, left: [], torn: [] };
  const tar = Readable.from(sendTrees([{ path: from, name: nameOfText("t") }], report));
  const received = await scene.receive(tar);
  assert.deepEqual({ ...received }, { entries: 11, files: 7, bytes: 300_008 });
  assert.deepEqual(treeOf(join(scene.target, "t")), treeOf(from));
  assert.equal(readlinkSync(join(scene.target, "t/sub/link")), "/etc/passwd");
  assert.equal(readlinkSync(join(scene.target, "t/dangling")), "y".repeat(300));
  for (const name of ["program", "sub/secret", "sub", "closed"])
    assert.equal(lstatSync(join(scene.target, "t", name)).mode, lstatSync(join(from, name)).mode, name);
  assert.equal(
    Math.floor(lstatSync(join(scene.target, "t/program")).mtimeMs / 1000),
    Math.floor(lstatSync(join(from, "program")).mtimeMs / 1000),
  );
  assert.equal(readFileSync(join(scene.target, "t/program"), "utf8"), "x".repeat(300_000));
});

test("a tree fills up one that is there, files and symlinks are replaced, not written through", async () => {
  using scene = new Scene();
  mkdirSync(join(scene.target, "t"), { mode: 0o750 });
  writeFileSync(join(scene.target, "t/kept"), "kept");
  symlinkSync(join(scene.outside, "secret"), join(scene.target, "t/file"));
  await scene.receive(tarOf({ name: "t/", type: "directory", mode: 0o777 }, { name: "t/file" }, { name: "t/kept-not", mode: 0o4777 }));
  assert.deepEqual(treeOf(join(scene.target, "t")), ["file", "kept", "kept-not"]);
  assert.ok(lstatSync(join(scene.target, "t/file")).isFile());
  assert.equal(lstatSync(join(scene.target, "t")).mode & 0o7777, 0o750);
  assert.equal(lstatSync(join(scene.target, "t/kept-not")).mode & 0o7777, 0o777, "setuid does not come out");
  assert.equal(readFileSync(join(scene.outside, "secret"), "utf8"), "secret");
});

test("only the contents of a directory", async () => {
  using scene = new Scene();
  await scene.receive(tarOf({ name: "t/", type: "directory" }, { name: "t/a" }), { name: undefined });
  assert.deepEqual(treeOf(scene.target), ["a", "out"]);
});

test("what is no file, directory or symlink below what was asked for is refused by name", async (t) => {
  const cases: readonly (readonly [what: string, entries: readonly Entry[], message: RegExp])[] = [
    ["a parent", [{ name: "t/../../escape" }], /t\/\.\.\/\.\.\/escape: it leaves/],
    ["an absolute name", [{ name: "/etc/passwd" }], /\/etc\/passwd: it is absolute/],
    ["another name", [{ name: "other" }], /other, which is not below t/],
    ["a longer name", [{ name: "tt/x" }], /tt\/x, which is not below t/],
    ["through an old symlink", [{ name: "t/../out/x" }], /leaves/],
    [
      "through a new symlink",
      [{ name: "t/", type: "directory" }, { name: "t/l", type: "symlink", linkname: "../.." }, { name: "t/l/secret" }],
      /t\/l\/secret is reached/,
    ],
    [
      "a directory over a new symlink",
      [
        { name: "t/l", type: "symlink", linkname: ".." },
        { name: "t/l/", type: "directory" },
      ],
      /t\/l is reached/,
    ],
    ["the root itself as a symlink", [{ name: "t", type: "symlink", linkname: ".." }, { name: "t/secret" }], /t\/secret is reached/],
    ["a hard link", [{ name: "t", type: "link", linkname: "/etc/passwd" }], /t as a link/],
    ["a device", [{ name: "t", type: "character-device", devmajor: 1, devminor: 3 }], /t as a character device/],
    ["a fifo", [{ name: "t", type: "fifo" }], /t as a fifo/],
    ["a sparse file", [{ name: "t", pax: { "GNU.sparse.major": "1" } }], /t as a sparse file/],
    ["a file over a file below", [{ name: "t" }, { name: "t/x" }], /t\/x is reached/],
    ["dots of pax", [{ name: "t/x", pax: { path: "\u012e\u012e/secret" } }], /not below t/],
    ["bytes that were no text", [{ name: "t", pax: { path: "t/\ufffd" } }], /cannot be read/],
    ["a control of terminals", [{ name: "\u001b]0;owned\u0007" }], /"\\033\]0;owned\\007", which/],
    ["too many", Array.from({ length: 1001 }, (_, at) => ({ name: `t/${at}` })), /more than 1000/],
    ["too much", [{ name: "t", content: "x".repeat(1024 ** 2 + 1) }], /with t the guest sends more than 1 MiB/],
  ];
  for (const [what, entries, message] of cases) {
    await t.test(what, async () => {
      using scene = new Scene();
      const error = await refusal(scene.receive(tarOf(...entries)));
      assert.match(error.message, message);
      assert.equal(error.code, "copy.unsafe");
      assert.deepEqual(readdirSync(scene.outside).toSorted(), ["secret", "target"]);
      assert.equal(readFileSync(join(scene.outside, "secret"), "utf8"), "secret");
    });
  }
});

test("a size beyond all measure is refused before a byte of it is written", async () => {
  using scene = new Scene();
  const header = tarHeader({ name: "t", kind: "file", mode: 0o644, mtime: 0, size: 2 ** 52 });
  const error = await refusal(scene.receive(Readable.from([header, Buffer.alloc(4096)])));
  assert.match(error.message, /sends more than 1 MiB/);
  assert.deepEqual(treeOf(scene.target), ["out"]);
});

test("a stream that breaks off leaves no half file, and what was there before", async () => {
  using scene = new Scene();
  writeFileSync(join(scene.target, "t"), "before");
  const header = tarHeader({ name: "t", kind: "file", mode: 0o644, mtime: 0, size: 1000 });
  const broken = new Readable({ read() {} });
  broken.push(Buffer.concat([header, Buffer.alloc(500)]));
  setImmediate(() => broken.destroy(new Error("gone")));
  const error = await refusal(scene.receive(broken));
  assert.equal(error.code, "guest.failed");
  assert.deepEqual(treeOf(scene.target), ["out", "t"]);
  assert.equal(readFileSync(join(scene.target, "t"), "utf8"), "before");
});

test("an interruption leaves no half file", async () => {
  using scene = new Scene();
  const stop = new AbortController();
  const endless = new Readable({ read() {} });
  endless.push(Buffer.concat([tarHeader({ name: "t", kind: "file", mode: 0o644, mtime: 0, size: 1000 }), Buffer.alloc(500)]));
  const work = refusal(scene.receive(endless, { signal: stop.signal }));
  setImmediate(() => stop.abort());
  await work;
  assert.deepEqual(treeOf(scene.target), ["out"]);
});

test("nothing at all is said to be nothing", async () => {
  using scene = new Scene();
  assert.match((await refusal(scene.receive(Readable.from([tarEnd()])))).message, /t in the guest is no file/);
});

test("a directory in place of a file, and the other way, are told", async () => {
  using scene = new Scene();
  mkdirSync(join(scene.target, "t/d"), { recursive: true });
  assert.match((await refusal(scene.receive(tarOf({ name: "t/d" })))).message, /t\/d is a directory here/);
  writeFileSync(join(scene.target, "t/f"), "f");
  assert.match((await refusal(scene.receive(tarOf({ name: "t/f/", type: "directory" })))).message, /t\/f is reached/);
  assert.deepEqual(treeOf(scene.target), ["out", "t", "t/d", "t/f"]);
});

test("property: whatever entries a guest sends, nothing outside of the directory changes", async () => {
  const part = fc.constantFrom("t", "a", "b", "out", "..", ".", "", "secret");
  const name = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"));
  const entry = fc.record({
    name: fc.oneof(
      name,
      name.map((below) => `t/${below}`),
    ),
    kind: fc.constantFrom("file" as const, "symlink" as const, "directory" as const),
    target: fc.oneof(
      name,
      name.map((below) => `/${below}`),
      fc.constantFrom("..", "../..", "out"),
    ),
    mode: fc.integer({ min: 0, max: 0o7777 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(entry, { maxLength: 8 }), async (entries) => {
      using scene = new Scene();
      const bytes = entries.flatMap(({ name: raw, kind, target, mode }) => {
        const size = kind === "file" ? 4 : 0;
        const header = tarHeader({
          name: nameOfBytes(Buffer.from(raw)),
          kind,
          mode,
          mtime: 0,
          size,
          target: kind === "symlink" ? target : "",
        });
        return size === 0 ? [header] : [header, Buffer.from("evil"), padding(size)];
      });
      await scene
        .receive(Readable.from([Buffer.concat([...bytes, tarEnd()])]))
        .catch((error: unknown) => assert.ok(error instanceof BangerError, String(error)));
      assert.deepEqual(readdirSync(scene.outside).toSorted(), ["secret", "target"]);
      assert.equal(readFileSync(join(scene.outside, "secret"), "utf8"), "secret");
      assert.ok(readdirSync(scene.target).every((found) => ["t", "out"].includes(found)));
      assert.ok(lstatSync(join(scene.target, "out")).isSymbolicLink());
      assert.ok(!existsSync(join(scene.outside, "evil")));
    }),
    { numRuns: 500 },
  );
});

test("property: whatever bytes a guest sends, the copy ends and nothing outside changes", async () => {
  const header = tarHeader({ name: "t/x", kind: "file", mode: 0o644, mtime: 0, size: 4 });
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 2048 }), fc.boolean(), async (bytes, isAfterHeader) => {
      using scene = new Scene();
      await scene
        .receive(Readable.from([isAfterHeader ? Buffer.concat([header, bytes]) : Buffer.from(bytes)]))
        .catch((error: unknown) => assert.ok(error instanceof BangerError, String(error)));
      assert.deepEqual(readdirSync(scene.outside).toSorted(), ["secret", "target"]);
    }),
    { numRuns: 200 },
  );
});
