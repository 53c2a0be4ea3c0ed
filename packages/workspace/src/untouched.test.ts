// Files that still have the stamp by which they are known are not read again; whatever was done to the others is found.
import assert from "node:assert/strict";
import { chmodSync, lutimesSync, renameSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Client, Route } from "@banger/api";
import { parseManifest, type Manifest } from "@banger/api/guest-manifest";
import { listTree, type GuestEntry } from "@banger/api/guest-tree";
import fc from "fast-check";
import { tellerOf } from "./changes-source.ts";
import { untouchedFiles } from "./changes.ts";
import { nameOfText, type FileName } from "./names.ts";
import { directoryClient } from "./testing/directory-client.ts";
import { HostRepository } from "./testing/host-repository.ts";

const name = fc.constantFrom("a", "b", "c").map(nameOfText);
const mode = fc.constantFrom("100644", "100755", "120000");
const id = fc.constantFrom("1", "2", "3").map((digit) => digit.repeat(40));
const stamp = fc.constantFrom("", "a".repeat(16), "b".repeat(16));
const entry = fc.record({ mode, id, stamp });

test("property: only what has its stamp and its mode, and whose content may be taken, is not read", () => {
  const files = fc.uniqueArray(fc.tuple(name, entry), { selector: ([key]) => key });
  fc.assert(
    fc.property(files, files, fc.uniqueArray(id), (before, now, here) => {
      const known: Manifest = new Map(before);
      const listed = new Map(now.map(([key, { mode: is, stamp: has }]) => [key, listedAs(key, is, has)]));
      const untouched = untouchedFiles(listed, known, new Set(here));
      for (const key of ["a", "b", "c"].map(nameOfText)) {
        const [was, is] = [known.get(key), listed.get(key)];
        const isKnown =
          was !== undefined &&
          is !== undefined &&
          is.stamp !== "" &&
          is.stamp === was.stamp &&
          is.mode === was.mode &&
          here.includes(was.id);
        assert.deepEqual(untouched.get(key), isKnown ? { mode: was.mode, id: was.id } : undefined);
      }
    }),
  );
});

function listedAs(key: FileName, is: string, has: string): GuestEntry {
  return { name: key, type: is === "120000" ? "symlink" : "file", mode: is, size: 1, id: "", stamp: has };
}

const NAMES = ["a", "b", "run", "sub/c", "link"];

async function copied(): Promise<HostRepository> {
  const host = new HostRepository();
  host.write("a", "one\n");
  host.write("b", "two\n");
  host.write("run", "#!/bin/sh\n", 0o755);
  host.write("sub/c", "three\n");
  host.link("link", "a");
  host.commit();
  await host.copy(await host.plan());
  return host;
}

/** What every file was when it had settled, as the daemon asks for it after a copy. */
async function settled(host: HostRepository, teller: Client = directoryClient(host.guest)): Promise<ReadonlyMap<FileName, GuestEntry>> {
  const limits = { entries: 100, nameBytes: 1000, fileBytes: 1000, totalBytes: 1000 };
  const directory = { teller: tellerOf({ client: teller, vmName: "box", path: "/", limits }, { stamps: "true" }), path: "/", limits };
  const deadline = Date.now() + 10_000;
  for (;;) {
    const { files } = await listTree(directory, []);
    if ([...files.values()].every((each) => each.stamp !== "")) return files;
    assert.ok(Date.now() < deadline, "a file gets a stamp once it has settled");
  }
}

interface Counting {
  readonly client: Client;
  /** Names whose content was asked for. */
  readonly read: string[];
}

function counting(host: HostRepository, known?: Manifest): Counting {
  const client = directoryClient(host.guest, known);
  const read: string[] = [];
  const counted = {
    bytes(route: Route, input: { readonly body?: { readonly paths64?: readonly string[] } }, ...rest: readonly unknown[]) {
      read.push(...(input.body?.paths64 ?? []).map((each) => Buffer.from(each, "base64").toString()));
      return (client.bytes as (...all: readonly unknown[]) => unknown)(route, input, ...rest);
    },
  };
  return { client: { ...client, ...counted } as Client, read };
}

test("files are known from when they were sent, and from when they were last looked at", async () => {
  using host = await copied();
  const stamps = await settled(host);
  const store = host.stores.of("vm1");
  const record = await store.record();
  assert.ok(record !== undefined);
  const sent = await store.readTree(host.git, record.baseTree);
  const known: Manifest = new Map([...sent].map(([key, state]) => [key, { ...state, stamp: stamps.get(key)?.stamp ?? "" }]));
  const first = counting(host, known);
  assert.deepEqual((await host.changes({ client: first.client })).changed, []);
  assert.deepEqual(first.read, []);

  keepingSizeAndTime(join(host.guest, "a"), "ONE\n");
  writeFileSync(join(host.guest, "new"), "new\n");
  await settled(host);
  const second = counting(host);
  assert.deepEqual(changedNames(await host.changes({ client: second.client })), ["a", "new"]);
  assert.deepEqual([...new Set(second.read)].toSorted(), ["a", "new"]);

  const third = counting(host);
  assert.deepEqual(changedNames(await host.changes({ client: third.client })), ["a", "new"]);
  assert.deepEqual(third.read, [], "what was looked at and has settled is known too");
});

test("what was seen and cannot be read any more is no reason to fail", async () => {
  using host = await copied();
  await settled(host);
  await host.changes();
  writeFileSync(join(host.stores.of("vm1").directory, "seen-files"), "half of it");
  const { client, read } = counting(host);
  assert.deepEqual((await host.changes({ client })).changed, []);
  assert.deepEqual(read.toSorted(), NAMES.toSorted());
});

test("stamps are kept as they are read", async () => {
  using host = await copied();
  const stamped: Manifest = new Map([[nameOfText("a\tb\n"), { mode: "100644", id: "1".repeat(40), stamp: "2".repeat(16) }]]);
  const store = host.stores.of("vm1");
  await store.saveStamped(stamped);
  assert.deepEqual(await store.stamped(), stamped);
  assert.deepEqual(await parseManifest(linesOf(stamped)), stamped);
});

async function* linesOf(manifest: Manifest): AsyncGenerator<Uint8Array> {
  for (const [key, each] of manifest) yield Buffer.from(`${each.mode} blob ${each.id} ${each.stamp}\t${key}\0`, "latin1");
}

function changedNames({ changed }: { readonly changed: readonly { readonly name: string }[] }): readonly string[] {
  return changed.map((each) => each.name).toSorted();
}

function keepingSizeAndTime(path: string, content: string): void {
  const { atime, mtime } = statSync(path);
  writeFileSync(path, content);
  utimesSync(path, atime, mtime);
}

const EDITS: Readonly<Record<string, (guest: string) => void>> = {
  "the same size and time": (guest) => keepingSizeAndTime(join(guest, "a"), "ONE\n"),
  "another in its place": (guest) => {
    writeFileSync(join(guest, "aside"), "TWO\n");
    const { atime, mtime } = statSync(join(guest, "b"));
    utimesSync(join(guest, "aside"), atime, mtime);
    renameSync(join(guest, "aside"), join(guest, "b"));
  },
  "a mode": (guest) => chmodSync(join(guest, "run"), 0o644),
  "a link elsewhere": (guest) => {
    rmSync(join(guest, "link"));
    symlinkSync("b", join(guest, "link"));
    lutimesSync(join(guest, "link"), 1, 1);
  },
  "a link for a file": (guest) => {
    rmSync(join(guest, "sub/c"));
    symlinkSync("three", join(guest, "sub/c"));
  },
  "a time alone": (guest) => utimesSync(join(guest, "run"), 0, 0),
  gone: (guest) => rmSync(join(guest, "b"), { force: true }),
  new: (guest) => writeFileSync(join(guest, "sub/new"), "four\n"),
};

test("property: whatever is done, the same is found as by reading everything", async () => {
  const round = fc.record({ edits: fc.uniqueArray(fc.constantFrom(...Object.keys(EDITS)), { maxLength: 4 }), settles: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(round, { minLength: 1, maxLength: 3 }), async (rounds) => {
      using host = await copied();
      await settled(host);
      await host.changes();
      for (const { edits, settles } of rounds) {
        for (const edit of edits) attempt(() => EDITS[edit]?.(host.guest));
        if (settles) await settled(host);
        const found = await host.changes();
        rmSync(join(host.stores.of("vm1").directory, "seen-files"), { force: true });
        const { client, read } = counting(host);
        assert.equal(found.tree, (await host.changes({ client })).tree);
        assert.ok(read.includes("a"), "without stamps everything is read");
      }
    }),
    { numRuns: 12 },
  );
});

/** What an edit needs may be gone by another. */
function attempt(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!["ENOENT", "ELOOP"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}
