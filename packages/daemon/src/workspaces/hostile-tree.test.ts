// A tree made to cost the daemon time or memory is refused by the bounds it really has, early.
import assert from "node:assert/strict";
import { existsSync, mkdtempDisposableSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { test } from "node:test";
import type { BangerError } from "@banger/api";
import { pack } from "tar-stream";
import { TAKE_BOUNDS, takeChanges, type TakeBounds, type TellingGuest } from "./take-changes.ts";

const line = (value: unknown) => Buffer.from(`${JSON.stringify(value)}\n`);
const file = (path: string) => line({ path, type: "file", mode: "100644", size: 1 });
const listing = (names: readonly string[]) => Readable.from([...names.map(file), line({ entries: names.length })]);

/** What is said to a guest that answers some calls so; undefined when it is taken. */
async function refusal(guest: Partial<TellingGuest>, bounds: TakeBounds = TAKE_BOUNDS): Promise<BangerError | undefined> {
  using scratch = mkdtempDisposableSync(join(tmpdir(), "banger-hostile-"));
  const nothing = () => {
    const archive = pack();
    archive.finalize();
    return Promise.resolve(Readable.from(archive));
  };
  const silent = { tree: () => Promise.resolve(listing([])), treeIds: () => Promise.resolve(listing([])), selectFiles: nothing };
  const target = join(scratch.path, "changes.tar");
  const signal = AbortSignal.timeout(60_000);
  const taking = { guest: { ...silent, ...guest }, guestPath: "/repo", manifest: new Map(), file: target, bounds, signal };
  const error: unknown = await takeChanges(taking).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error !== undefined) assert.ok(!existsSync(target) && !existsSync(`${target}.new`));
  return error as BangerError | undefined;
}

function* zeros(): Generator<Buffer> {
  for (;;) yield Buffer.alloc(65_536);
}

test("100 GB of zeros are refused by their header", async () => {
  const archive = pack();
  const header = archive.entry({ name: "0", size: 100 * 1024 ** 3 });
  header.on("error", () => undefined);
  let taken = 0;
  const selectFiles: TellingGuest["selectFiles"] = ({ paths64 }) => {
    if (paths64.length > 1 || Buffer.from(paths64[0] ?? "", "base64").toString() !== "sparse") {
      const none = pack();
      none.finalize();
      return Promise.resolve(Readable.from(none));
    }
    const stream = async function* () {
      for await (const head of archive) {
        yield head as Buffer;
        break;
      }
      for (const chunk of zeros()) {
        taken += chunk.length;
        yield chunk;
      }
    };
    return Promise.resolve(Readable.from(stream()));
  };
  const error = await refusal({ tree: (path) => Promise.resolve(path === "/repo" ? listing(["sparse"]) : listing([])), selectFiles });
  assert.match(error?.message ?? "", /^sparse in the guest is larger than 1073741824 bytes$/);
  assert.ok(taken < 16 * 1024 * 1024, `${taken} bytes were read`);
});

test("a listing without end is left at the bound", async () => {
  const endless = function* () {
    for (let at = 0; ; at += 1) yield file(`f${at}`);
  };
  const error = await refusal({ tree: () => Promise.resolve(Readable.from(endless())) }, { ...TAKE_BOUNDS, entries: 10_000 });
  assert.match(error?.message ?? "", /more than 10000 files/);
  assert.equal(TAKE_BOUNDS.entries, 1_000_000);
});

test("directories deeper than anybody's are refused at once, and those as deep as may be cost seconds at most", async () => {
  const names = (deep: string) => Array.from({ length: 1500 }, (_, at) => [`${deep}${at}`, `${at}/${deep}f`]).flat();
  const at = (all: readonly string[]) => refusal({ tree: (path) => Promise.resolve(listing(path === "/repo" ? all : [])) });
  assert.match((await at(names("d/".repeat(1990))))?.message ?? "", /it is more than 128 directories deep/);
  assert.equal(await at(names("d/".repeat(127))), undefined);
});
