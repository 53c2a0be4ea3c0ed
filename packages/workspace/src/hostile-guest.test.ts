// A guest that lies: about names, sizes, types and ends. The host refuses, names what it refused, and writes nowhere but its store.
import assert from "node:assert/strict";
import { existsSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { test } from "node:test";
import { BangerError, type Client, type FileName, type Route } from "@banger/api";
import { GUEST_LIMITS, readEntries, refuseInside, type GuestLimits } from "@banger/api/guest-tree";
import fc from "fast-check";
import { pack } from "tar-stream";
import { collectChanges } from "./changes.ts";
import { guestSource } from "./changes-source.ts";
import { directoryClient } from "./testing/directory-client.ts";
import { HostRepository, snapshot } from "./testing/host-repository.ts";

const line = (value: unknown) => `${JSON.stringify(value)}\n`;
const file = (path: string, over: object = {}) => ({ path, type: "file", mode: "100644", size: 1, ...over });
const listing = (...entries: readonly object[]) =>
  Readable.from([Buffer.from([...entries, { entries: entries.length }].map(line).join(""))]);

async function refusal(work: Promise<unknown>): Promise<BangerError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof BangerError, String(error));
  return error;
}

test("a listing that names what it must not", async (t) => {
  const cases: readonly (readonly [what: string, entries: readonly object[], message: RegExp])[] = [
    ["a parent", [file("../escape")], /"?\.\.\/escape.*leaves its directory/],
    ["an absolute path", [file("/etc/cron.d/x")], /absolute/],
    ["a hook", [file(".git/hooks/post-checkout")], /\.git directory/],
    ["a hook in other case", [file(".GiT/config")], /\.git directory/],
    ["a file through a link", [file("link", { type: "symlink", mode: "120000" }), file("link/passwd")], /reached through link/],
    ["a bottomless directory", [file(`${"d/".repeat(129)}file`)], /more than 128 directories deep/],
    ["a file in a file", [file("a"), file("a/b/c")], /reached through a/],
    ["a terminal's commands", [file("../\u001b]0;owned\u0007")], /"\.\.\/\\033\]0;owned\\007"/],
    [
      "bytes and a parent",
      [{ type: "file", mode: "100644", size: 1, path64: Buffer.from("../\u00ff", "latin1").toString("base64") }],
      /\.\.\/\\377/,
    ],
  ];
  for (const [what, entries, message] of cases) {
    await t.test(what, async () => {
      const error = await refusal(readEntries(listing(...entries), GUEST_LIMITS));
      assert.equal(error.code, "workspace.unsafe");
      assert.match(error.message, message);
    });
  }
});

test("a listing that is none", async (t) => {
  const text = (...lines: readonly string[]) => Readable.from([Buffer.from(lines.join(""))]);
  const cases: readonly (readonly [what: string, answer: () => Readable])[] = [
    ["cut off", () => text(line(file("a")))],
    ["cut off within a line", () => text(line({ entries: 0 }).slice(0, 5))],
    ["a wrong count", () => text(line(file("a")), line({ entries: 2 }))],
    ["more after the end", () => text(line({ entries: 0 }), line(file("a")))],
    ["one name twice", () => listing(file("a"), file("a"))],
    ["no JSON", () => text("hello\n")],
    ["a device", () => listing(file("a", { type: "device" }))],
    ["a mode of its own", () => listing(file("a", { mode: "160000" }))],
    ["a link with the mode of a file", () => listing(file("a", { type: "symlink" }))],
    ["a negative size", () => listing(file("a", { size: -1 }))],
    ["two names", () => listing(file("a", { path64: "Yg==" }))],
    [
      "a line without end",
      () =>
        Readable.from(
          (function* () {
            for (;;) yield Buffer.alloc(65_536, "x");
          })(),
        ),
    ],
  ];
  for (const [what, answer] of cases) {
    await t.test(what, async () => assert.equal((await refusal(readEntries(answer(), GUEST_LIMITS))).code, "guest.failed"));
  }
  await t.test("more entries than are taken", async () => {
    const endless = Readable.from(
      (function* () {
        for (let at = 0; ; at += 1) yield Buffer.from(line(file(`f${at}`)));
      })(),
    );
    const error = await refusal(readEntries(endless, { ...GUEST_LIMITS, entries: 1000 }));
    assert.equal(error.code, "workspace.unsafe");
    assert.match(error.message, /more than 1000 files/);
  });
  await t.test("names that are longer together than is taken", async () => {
    let told = 0;
    const endless = Readable.from(
      (function* () {
        for (; ; told += 1) yield Buffer.from(line(file(`${"directory/".repeat(100)}${told}`)));
      })(),
    );
    const error = await refusal(readEntries(endless, { ...GUEST_LIMITS, nameBytes: 100_000 }));
    assert.equal(error.code, "workspace.unsafe");
    assert.match(error.message, /names are longer together than 100000 bytes/);
    assert.ok(told < 100, `it was listened to for ${told} names`);
  });
});

test("names as deep as they can be are checked in no time, and one in their midst is still seen", () => {
  const depth = 2040;
  const names = Array.from({ length: 2000 }, (_, at) => `${"a/".repeat(depth)}${at}` as FileName);
  const begun = performance.now();
  refuseInside(new Set(names));
  assert.ok(performance.now() - begun < 5000, "the daemon serves nobody meanwhile");
  const above = `${"a/".repeat(depth / 2)}a` as FileName;
  assert.throws(() => refuseInside(new Set([...names, above])), { code: "workspace.unsafe" });
});

test("property: a name is refused exactly when another is above it", () => {
  const part = fc.constantFrom("a", "b", "a!", "a0", "ab");
  const name = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/") as FileName);
  fc.assert(
    fc.property(fc.uniqueArray(name, { maxLength: 8 }), (names) => {
      const isInside = names.some((one) => names.some((other) => one.startsWith(`${other}/`)));
      const check = () => refuseInside(new Set(names));
      if (isInside) assert.throws(check, { code: "workspace.unsafe" });
      else check();
    }),
  );
});

interface Lies {
  readonly tree?: () => Readable;
  readonly files?: () => Readable;
}

/** A guest of an ordinary copy that answers some calls as it likes. */
async function lying(host: HostRepository, lies: Lies, limits: GuestLimits = GUEST_LIMITS) {
  const honest = directoryClient(host.guest);
  const client = {
    ...honest,
    bytes(route: Route, input: never) {
      if (route.id === "vmTree" && lies.tree !== undefined) return Promise.resolve(lies.tree());
      if (route.id === "vmFilesSelect" && lies.files !== undefined) return Promise.resolve(lies.files());
      return honest.bytes(route, input);
    },
  } as unknown as Client;
  const store = host.stores.of("vm1");
  const record = await store.record();
  assert.ok(record !== undefined);
  await using scratch = await host.stores.scratch();
  const source = guestSource({ client, vmName: "box", path: "/", limits });
  return await collectChanges({ git: host.git, store, record, source, scratch: scratch.path });
}

async function copied(): Promise<HostRepository> {
  const host = new HostRepository();
  host.write("a", "a\n");
  host.commit();
  await host.copy(await host.plan());
  writeFileSync(join(host.guest, "new"), "new\n");
  return host;
}

function tarOf(fill: (archive: ReturnType<typeof pack>) => void): () => Readable {
  return () => {
    const archive = pack();
    fill(archive);
    archive.finalize();
    return Readable.from(archive);
  };
}

test("contents that are not what was asked for", async (t) => {
  const cases: readonly (readonly [what: string, files: () => Readable, code: string])[] = [
    ["another name", tarOf((archive) => archive.entry({ name: "../../escape" }, "x")), "guest.failed"],
    ["a position nobody asked for", tarOf((archive) => archive.entry({ name: "7" }, "x")), "guest.failed"],
    [
      "one position twice",
      tarOf((archive) => {
        archive.entry({ name: "0" }, "x");
        archive.entry({ name: "0" }, "y");
      }),
      "guest.failed",
    ],
    [
      "a link in place of a file",
      tarOf((archive) => archive.entry({ name: "0", type: "symlink", linkname: "/etc/passwd" })),
      "guest.failed",
    ],
    ["a hard link", tarOf((archive) => archive.entry({ name: "0", type: "link", linkname: "/etc/passwd" })), "guest.failed"],
    ["a device", tarOf((archive) => archive.entry({ name: "0", type: "character-device" })), "guest.failed"],
    ["no tar", () => Readable.from([Buffer.alloc(2048, "x")]), "guest.failed"],
    ["a target without end", tarOf((archive) => archive.entry({ name: "0@" }, "x".repeat(5000))), "workspace.unsafe"],
    ["a file that is too large", tarOf((archive) => archive.entry({ name: "0" }, Buffer.alloc(200_000))), "workspace.unsafe"],
  ];
  for (const [what, files, code] of cases) {
    await t.test(what, async () => {
      using host = await copied();
      const before = snapshot(host.top);
      assert.equal((await refusal(lying(host, { files }, { ...GUEST_LIMITS, fileBytes: 100_000 }))).code, code);
      assert.deepEqual(snapshot(host.top), before);
      assert.ok(!existsSync(join(host.directory, "escape")));
      assert.deepEqual(
        readdirSync(host.stores.of("vm1").objects).filter((name) => name.startsWith("tmp_obj")),
        [],
      );
    });
  }
  await t.test("100 GB of zeros", async () => {
    using host = await copied();
    const archive = pack();
    archive.entry({ name: "0", size: 100 * 1024 ** 3 }).on("error", () => undefined);
    let taken = 0;
    const endless = async function* () {
      for await (const head of archive) {
        yield head as Buffer;
        break;
      }
      for (const zeros = Buffer.alloc(65_536); ; taken += zeros.length) yield zeros;
    };
    const error = await refusal(lying(host, { files: () => Readable.from(endless()) }));
    assert.match(error.message, /^new in the guest is larger than 2147483648 bytes$/);
    assert.ok(taken < 16 * 1024 * 1024, `${taken} bytes were read`);
  });
  await t.test("all together larger than is taken", async () => {
    using host = await copied();
    writeFileSync(join(host.guest, "second"), Buffer.alloc(90_000));
    writeFileSync(join(host.guest, "third"), Buffer.alloc(90_000, 1));
    assert.match((await refusal(lying(host, {}, { ...GUEST_LIMITS, totalBytes: 100_000 }))).message, /larger than 100000 bytes/);
  });
});

test("a patch that leads through a link of the host is refused by git, nothing is written", async () => {
  using host = await copied();
  rmSync(join(host.guest, "new"));
  const { tree } = await lying(host, {
    tree: () => listing(file("a", { size: 2 }), file("out/owned", { size: 4 })),
    files: tarOf((archive) => archive.entry({ name: "0" }, "bad\n")),
  });
  const outside = join(host.directory, "outside");
  host.write("../outside/kept", "kept\n");
  symlinkSync(outside, join(host.top, "out"));
  const patch = await host.patch({ baseTree: (await host.stores.of("vm1").record())?.baseTree ?? "", tree, changed: [], repositories: [] });
  writeFileSync(join(host.directory, "p"), patch);
  assert.throws(() => host.run("apply", join(host.directory, "p")), /beyond a symbolic link/);
  assert.deepEqual(readdirSync(outside), ["kept"]);
});

test("property: whatever bytes a guest answers with, the end is a refusal or safe names", async () => {
  const piece = fc.oneof(
    fc.constantFrom(line({ entries: 1 }), line({ entries: 0 }), "\n", "{}\n", "null\n", "[]\n"),
    fc.string({ maxLength: 20 }).map((path) => line(file(path))),
    fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
    fc.json().map((text) => `${text}\n`),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 6 }), async (pieces) => {
      const answer = Readable.from(pieces.map((text) => Buffer.from(text, "latin1")));
      try {
        for (const name of (await readEntries(answer, GUEST_LIMITS)).keys())
          assert.ok(!name.startsWith("/") && !name.split("/").includes(".."));
      } catch (error) {
        assert.ok(error instanceof BangerError, String(error));
      }
    }),
    { numRuns: 500 },
  );
});
