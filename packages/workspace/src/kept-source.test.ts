// What was kept of a guest gives the same changes as the guest did; and whatever the bytes, nothing is named that must not be.
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { test } from "node:test";
import { BangerError, bytesOf, nameOfText, type FileName } from "@banger/api";
import { GUEST_LIMITS } from "@banger/api/guest-tree";
import fc from "fast-check";
import { pack } from "tar-stream";
import { collectChanges, type Changes } from "./changes.ts";
import { keptSource } from "./kept-source.ts";
import { HostRepository } from "./testing/host-repository.ts";

interface KeptFile {
  readonly content: string;
  readonly mode?: number;
  readonly isLink?: boolean;
  readonly isTracked?: true;
}

interface Kept {
  readonly changed?: Readonly<Record<string, KeptFile>>;
  readonly gone?: readonly string[];
  readonly repositories?: readonly string[];
}

function keptTar({ changed = {}, gone = [], repositories = [] }: Kept): Readable {
  const archive = pack();
  const path64 = (name: string) => Buffer.from(name, "utf8").toString("base64");
  const lines: object[] = [];
  for (const [at, [name, { content, mode = 0o644, isLink = false, isTracked }]] of Object.entries(changed).entries()) {
    archive.entry({ name: `${at}${isLink ? "@" : ""}`, mode }, content);
    lines.push({ at, path64: path64(name), tracked: isTracked });
  }
  for (const name of gone) lines.push({ gone: true, path64: path64(name) });
  for (const name of repositories) lines.push({ repository: true, path64: path64(name) });
  archive.entry({ name: "index" }, [...lines, { entries: lines.length }].map((line) => `${JSON.stringify(line)}\n`).join(""));
  archive.finalize();
  return Readable.from(archive);
}

async function changesOf(host: HostRepository, tar: Readable): Promise<Changes> {
  const store = host.stores.of("vm1");
  const record = await store.record();
  assert.ok(record !== undefined);
  const base = await store.readTree(host.git, record.baseTree);
  const source = await keptSource({ base, tar, objects: store.objects, limits: GUEST_LIMITS });
  await using scratch = await host.stores.scratch();
  return await collectChanges({ git: host.git, store, record, source, scratch: scratch.path });
}

async function copied(): Promise<HostRepository> {
  const host = new HostRepository();
  host.write("a", "a\n");
  host.write("run", "#!/bin/sh\n");
  host.write("sub/old", "old\n");
  host.write(".gitignore", "*.o\n");
  host.commit();
  await host.copy(await host.plan());
  return host;
}

test("kept changes are the changes of the guest they were kept of", async () => {
  using host = await copied();
  writeFileSync(join(host.guest, "a"), "edited\n");
  chmodSync(join(host.guest, "run"), 0o755);
  rmSync(join(host.guest, "sub/old"));
  symlinkSync("a", join(host.guest, "link"));
  writeFileSync(join(host.guest, "waste.o"), "waste");
  writeFileSync(join(host.guest, "added.o"), "added");
  host.guestGit("add", "--force", "added.o");
  mkdirSync(join(host.guest, "nested/.git"), { recursive: true });
  const live = await host.changes();
  const kept = await changesOf(
    host,
    keptTar({
      changed: {
        a: { content: "edited\n" },
        run: { content: "#!/bin/sh\n", mode: 0o755 },
        link: { content: "a", isLink: true },
        "waste.o": { content: "waste" },
        "added.o": { content: "added", isTracked: true },
      },
      gone: ["sub/old"],
      repositories: ["nested"],
    }),
  );
  assert.equal(kept.tree, live.tree);
  assert.deepEqual(kept.repositories, live.repositories);
  assert.deepEqual(await host.patch(kept), await host.patch(live));
});

test("kept changes that are none, or name what they must not", async (t) => {
  using host = await copied();
  const cut = async () => {
    const whole = Buffer.concat(await keptTar({ changed: { a: { content: "x".repeat(5000) } } }).toArray());
    return Readable.from([whole.subarray(0, 2000)]);
  };
  const entries = (...names: readonly string[]) => {
    const archive = pack();
    for (const name of names) archive.entry({ name }, "");
    archive.finalize();
    return Readable.from(archive);
  };
  const cases: readonly (readonly [what: string, tar: () => Readable | Promise<Readable>, code: string])[] = [
    ["a parent", () => keptTar({ changed: { "../escape": { content: "x" } } }), "workspace.unsafe"],
    ["a hook", () => keptTar({ changed: { ".git/hooks/x": { content: "x" } } }), "workspace.unsafe"],
    [
      "a file through a link",
      () => keptTar({ changed: { l: { content: "/etc", isLink: true }, "l/x": { content: "x" } } }),
      "workspace.unsafe",
    ],
    ["a file below one that was sent", () => keptTar({ changed: { "a/b": { content: "x" } } }), "workspace.unsafe"],
    ["a parent that is gone", () => keptTar({ gone: ["../../x"] }), "workspace.unsafe"],
    ["cut off", cut, "guest.failed"],
    ["no index", () => entries("0"), "guest.failed"],
    ["more after the index", () => entries("index", "0"), "guest.failed"],
    ["a name for a path", () => entries("/etc/passwd"), "guest.failed"],
  ];
  for (const [what, tar, code] of cases) {
    await t.test(what, async () => {
      const error: unknown = await changesOf(host, await tar()).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      assert.ok(error instanceof BangerError, String(error));
      assert.equal(error.code, code);
    });
  }
});

test("property: whatever the index, the end is a refusal or safe names", async () => {
  using host = await copied();
  const { objects } = host.stores.of("vm1");
  const base = new Map<FileName, { readonly mode: string; readonly id: string }>([
    [nameOfText("a"), { mode: "100644", id: "0".repeat(40) }],
  ]);
  const line = fc.oneof(
    fc.record({ at: fc.nat(2), path: fc.string({ maxLength: 12 }) }),
    fc.record({ gone: fc.constant(true), path64: fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes).toString("base64")) }),
    fc.record({ repository: fc.constant(true), path: fc.constantFrom("a", "b/c", "../d", ".git") }),
    fc.record({ entries: fc.nat(4) }),
    fc.jsonValue(),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 5 }), fc.boolean(), async (lines, isCounted) => {
      const archive = pack();
      archive.entry({ name: "0" }, "x");
      archive.entry({ name: "1@" }, "y");
      const all = isCounted ? [...lines, { entries: lines.length }] : lines;
      archive.entry({ name: "index" }, all.map((value) => `${JSON.stringify(value)}\n`).join(""));
      archive.finalize();
      try {
        const source = await keptSource({ base, tar: Readable.from(archive), objects, limits: GUEST_LIMITS });
        for (const name of (await source.list([])).files.keys())
          assert.ok(!bytesOf(name).toString().startsWith("/") && !name.split("/").includes(".."));
      } catch (error) {
        assert.ok(error instanceof BangerError, String(error));
      }
    }),
    { numRuns: 200 },
  );
});
