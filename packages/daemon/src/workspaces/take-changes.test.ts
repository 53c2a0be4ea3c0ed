// What is taken out of a guest is what changed in it, no more is read than must be, and a guest that lies is refused.
import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  lutimesSync,
  mkdirSync,
  mkdtempDisposableSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import { BangerError } from "@banger/api";
import { poll } from "@banger/host";
import fc from "fast-check";
import { extract, pack } from "tar-stream";
import { stampedManifest, TAKE_BOUNDS, takeChanges, type TakeBounds, type TellingGuest } from "./take-changes.ts";
import type { Manifest } from "@banger/api/guest-manifest";
import { directoryGuest, manifestOf } from "./test-guest.ts";

interface Scene extends Disposable {
  readonly root: string;
  readonly repo: string;
  readonly file: string;
  readonly guest: ReturnType<typeof directoryGuest>;
}

const SENT = ["a", "run", "link", "sub/old", ".gitignore"];

function open(): Scene {
  const scratch = mkdtempDisposableSync(join(tmpdir(), "banger-take-"));
  const root = join(scratch.path, "guest");
  const repo = join(root, "repo");
  mkdirSync(join(repo, "sub"), { recursive: true });
  writeFileSync(join(repo, "a"), "a\n");
  writeFileSync(join(repo, "run"), "#!/bin/sh\n", { mode: 0o755 });
  symlinkSync("a", join(repo, "link"));
  writeFileSync(join(repo, "sub/old"), "old\n");
  writeFileSync(join(repo, ".gitignore"), "*.o\nnode_modules/\n");
  return { root, repo, file: join(scratch.path, "changes.tar"), guest: directoryGuest(root), [Symbol.dispose]: () => scratch.remove() };
}

interface Options {
  readonly manifest?: Manifest;
  readonly guest?: TellingGuest;
  readonly bounds?: TakeBounds;
  readonly signal?: AbortSignal;
}

const take = (scene: Scene, options: Options = {}) =>
  takeChanges({
    guest: scene.guest,
    guestPath: "/repo",
    manifest: options.manifest ?? manifestOf(scene.repo, SENT),
    file: scene.file,
    bounds: TAKE_BOUNDS,
    signal: new AbortController().signal,
    ...options,
  });

/** Contents by name as the tar has them; what is gone is `null`. */
async function contentsOf(file: string): Promise<Readonly<Record<string, string | null>>> {
  const byPosition = new Map<number, string>();
  const found: Record<string, string | null> = {};
  for await (const entry of Readable.from([readFileSync(file)]).pipe(extract())) {
    const content = (await buffer(entry as AsyncIterable<Buffer> & typeof entry)).toString("latin1");
    if (entry.header.name !== "index") {
      const kind = entry.header.name.endsWith("@") ? "link " : (entry.header.mode ?? 0) & 0o100 ? "program " : "";
      byPosition.set(Number.parseInt(entry.header.name, 10), `${kind}${content}`);
    } else {
      for (const line of content.trim().split("\n").slice(0, -1)) {
        const { at, path64, repository } = JSON.parse(line) as {
          readonly at?: number;
          readonly path64: string;
          readonly repository?: true;
        };
        const name = Buffer.from(path64, "base64").toString("latin1");
        found[name] = repository === true ? "repository" : at === undefined ? null : (byPosition.get(at) ?? "missing");
      }
    }
  }
  return found;
}

test("edits, modes, links, additions and deletions are taken; what is ignored or the same is not", async () => {
  using scene = open();
  const manifest = manifestOf(scene.repo, SENT);
  writeFileSync(join(scene.repo, "a"), "edited\n");
  chmodSync(join(scene.repo, "run"), 0o644);
  rmSync(join(scene.repo, "link"));
  symlinkSync("run", join(scene.repo, "link"));
  rmSync(join(scene.repo, "sub"), { recursive: true });
  writeFileSync(join(scene.repo, "new"), "new\n");
  writeFileSync(join(scene.repo, "waste.o"), "waste");
  mkdirSync(join(scene.repo, "node_modules/x/.git"), { recursive: true });
  mkdirSync(join(scene.repo, "nested/.git"), { recursive: true });
  const taken = await take(scene, { manifest });
  assert.deepEqual({ ...taken, bytes: 0 }, { files: 5, bytes: 0, repositories: ["nested"] });
  assert.deepEqual(await contentsOf(scene.file), {
    a: "edited\n",
    run: "#!/bin/sh\n",
    link: "link run",
    "sub/old": null,
    new: "new\n",
    nested: "repository",
  });
  assert.ok(!scene.guest.read.includes("waste.o"), "what is ignored is not read");
});

test("nothing changed: nothing is kept, and what was is removed", async () => {
  using scene = open();
  writeFileSync(scene.file, "of another time");
  assert.deepEqual(await take(scene), { files: 0, bytes: 0, repositories: [] });
  assert.ok(!existsSync(scene.file));
});

test("files with the stamp they had are not read, whatever else changed", async () => {
  using scene = open();
  const sent = manifestOf(scene.repo, SENT);
  for (const name of SENT) lutimesSync(join(scene.repo, name), 1, 1);
  const stamp = { guest: scene.guest, guestPath: "/repo", manifest: sent, bounds: TAKE_BOUNDS, signal: new AbortController().signal };
  const manifest = await poll(
    async () => {
      const stamped = await stampedManifest(stamp);
      return [...stamped.values()].every((entry) => entry.stamp !== "") ? stamped : undefined;
    },
    { timeoutMs: 10_000 },
  );
  assert.ok(manifest !== undefined, "a file gets a stamp once it has settled");
  assert.deepEqual(await take(scene, { manifest }), { files: 0, bytes: 0, repositories: [] });
  assert.deepEqual(scene.guest.read, []);
  // As large as before, and with the times it had.
  writeFileSync(join(scene.repo, "a"), "b\n");
  utimesSync(join(scene.repo, "a"), 0, 0);
  utimesSync(join(scene.repo, "run"), 0, 0);
  assert.equal((await take(scene, { manifest })).files, 1);
  assert.deepEqual([...new Set(scene.guest.read)], ["a", "run"]);
  assert.deepEqual(await contentsOf(scene.file), { a: "b\n" });
});

test("a file that was written before it could be stamped is read", async () => {
  using scene = open();
  const sent = manifestOf(scene.repo, SENT);
  writeFileSync(join(scene.repo, "a"), "b\n");
  // It has settled when the others have.
  for (const name of SENT) if (name !== "a") lutimesSync(join(scene.repo, name), 1, 1);
  const taking = { guest: scene.guest, guestPath: "/repo", manifest: sent, bounds: TAKE_BOUNDS, signal: new AbortController().signal };
  const manifest = await poll(
    async () => {
      const stamped = await stampedManifest(taking);
      return [...stamped].every(([name, entry]) => name === "a" || entry.stamp !== "") ? stamped : undefined;
    },
    { timeoutMs: 10_000 },
  );
  assert.ok(manifest !== undefined);
  await take(scene, { manifest });
  assert.deepEqual(await contentsOf(scene.file), { a: "b\n" });
});

test("a repository made around what was sent is looked into", async () => {
  using scene = open();
  mkdirSync(join(scene.repo, "sub/.git"));
  const manifest = manifestOf(scene.repo, SENT);
  writeFileSync(join(scene.repo, "sub/old"), "edited\n");
  assert.equal((await take(scene, { manifest })).files, 1);
  assert.deepEqual(await contentsOf(scene.file), { "sub/old": "edited\n" });
});

const refusal = async (work: Promise<unknown>): Promise<BangerError> => {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof BangerError, String(error));
  return error;
};

test("past a bound nothing is kept", async (t) => {
  const cases: readonly (readonly [what: string, bounds: Partial<TakeBounds>, message: RegExp])[] = [
    ["files", { files: 1 }, /more than 1 files changed/],
    ["one file", { fileBytes: 3 }, /new in the guest is larger than 3 bytes|a in the guest is larger/],
    ["all files", { totalBytes: 8 }, /larger than 8 bytes/],
    ["entries", { entries: 3 }, /more than 3 files/],
    ["names", { nameBytes: 3 }, /longer together than 3 bytes/],
  ];
  for (const [what, bounds, message] of cases) {
    await t.test(what, async () => {
      using scene = open();
      const manifest = manifestOf(scene.repo, SENT);
      writeFileSync(join(scene.repo, "a"), "edited\n");
      writeFileSync(join(scene.repo, "new"), "new\n");
      const error = await refusal(take(scene, { manifest, bounds: { ...TAKE_BOUNDS, ...bounds } }));
      assert.equal(error.code, "workspace.unsafe");
      assert.match(error.message, message);
      assert.deepEqual(readdirSync(join(scene.file, "..")), ["guest"]);
    });
  }
});

test("a guest that does not come to an end is left at the deadline", async () => {
  using scene = open();
  const silent = () => Promise.resolve(new Readable({ read: () => undefined }));
  for (const guest of [
    { ...scene.guest, tree: () => new Promise<Readable>(() => undefined) },
    { ...scene.guest, tree: silent },
    { ...scene.guest, treeIds: silent },
    { ...scene.guest, selectFiles: silent },
  ]) {
    writeFileSync(join(scene.repo, "new"), "new\n");
    await assert.rejects(take(scene, { guest, signal: AbortSignal.timeout(200) }));
    assert.deepEqual(readdirSync(join(scene.file, "..")), ["guest"]);
  }
});

function tarOf(fill: (archive: ReturnType<typeof pack>) => void): () => Promise<Readable> {
  return () => {
    const archive = pack();
    fill(archive);
    archive.finalize();
    return Promise.resolve(Readable.from(archive));
  };
}

test("contents that are not what was asked for", async (t) => {
  const cases: readonly (readonly [what: string, files: () => Promise<Readable>, code: string])[] = [
    ["another name", tarOf((archive) => archive.entry({ name: "../../escape" }, "x")), "guest.failed"],
    ["the name of our index", tarOf((archive) => archive.entry({ name: "index" }, "x")), "guest.failed"],
    ["a position nobody asked for", tarOf((archive) => archive.entry({ name: "7" }, "x")), "guest.failed"],
    ["a link", tarOf((archive) => archive.entry({ name: "0", type: "symlink", linkname: "/etc/passwd" })), "guest.failed"],
    ["no tar", () => Promise.resolve(Readable.from([Buffer.alloc(2048, "x")])), "guest.failed"],
    ["a target without end", tarOf((archive) => archive.entry({ name: "0@" }, "x".repeat(5000))), "workspace.unsafe"],
  ];
  for (const [what, files, code] of cases) {
    await t.test(what, async () => {
      using scene = open();
      const manifest = manifestOf(scene.repo, SENT);
      writeFileSync(join(scene.repo, "a"), "edited\n");
      assert.equal((await refusal(take(scene, { manifest, guest: { ...scene.guest, selectFiles: files } }))).code, code);
      assert.deepEqual(readdirSync(join(scene.file, "..")), ["guest"]);
    });
  }
});

test("property: whatever a guest answers, the end is a refusal or a tar of safe names", async () => {
  const line = (value: unknown) => `${JSON.stringify(value)}\n`;
  const name = fc.oneof(
    fc.constantFrom("a", "new", "../up", ".git/config", "a/b", "/etc/x", "sub/.gitignore"),
    fc.string({ maxLength: 8 }),
  );
  const entry = fc.record({
    path: name,
    type: fc.constantFrom("file", "symlink", "repository"),
    mode: fc.constantFrom("100644", "100755", "120000"),
    size: fc.nat(9),
    id: fc.constantFrom("0".repeat(40), "f".repeat(40)),
  });
  const listing = fc.array(entry, { maxLength: 5 }).map((entries) => [...entries, { entries: entries.length }].map(line).join(""));
  const bytes = fc.oneof(
    listing,
    fc.uint8Array({ maxLength: 40 }).map((raw) => Buffer.from(raw).toString("latin1")),
  );
  const tar = fc.array(fc.tuple(fc.constantFrom("0", "1@", "2", "x"), fc.string({ maxLength: 600 })), { maxLength: 3 });
  const answer = (text: string) => Promise.resolve(Readable.from([Buffer.from(text, "latin1")]));
  await fc.assert(
    fc.asyncProperty(bytes, bytes, tar, async (tree, ids, entries) => {
      using scene = open();
      const guest: TellingGuest = {
        tree: () => answer(tree),
        treeIds: () => answer(ids),
        selectFiles: tarOf((archive) => {
          for (const [position, content] of entries) archive.entry({ name: position }, content);
        }),
      };
      try {
        await take(scene, { guest });
        if (!existsSync(scene.file)) return;
        for (const each of Object.keys(await contentsOf(scene.file)))
          assert.ok(!each.startsWith("/") && !each.split("/").some((part) => part === ".." || part === ".git"), each);
      } catch (error) {
        assert.ok(error instanceof BangerError, String(error));
        assert.ok(!existsSync(scene.file) && !existsSync(`${scene.file}.new`));
      }
    }),
    { numRuns: 150 },
  );
});
