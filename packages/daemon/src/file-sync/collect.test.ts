// Which of the owner's files go into a guest: those that were named, below the home, and nothing that a symlink leads to.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { BangerError } from "@banger/api";
import { extract } from "tar-stream";
import { collect } from "./collect.ts";
import { createFileSync } from "./service.ts";
import { DEFAULT_CONFIG } from "../config/settings.ts";

class Home implements Disposable {
  readonly root = mkdtempSync(join(tmpdir(), "banger-sync-"));
  readonly home = join(this.root, "home");

  constructor() {
    mkdirSync(join(this.home, "dir/sub"), { recursive: true });
    writeFileSync(join(this.root, "secret"), "secret");
    writeFileSync(join(this.home, "file"), "file", { mode: 0o644 });
    writeFileSync(join(this.home, "dir/program"), "program", { mode: 0o755 });
    writeFileSync(join(this.home, "dir/sub/key"), "key", { mode: 0o600 });
    chmodSync(join(this.home, "dir/sub"), 0o700);
  }

  collect(...hosts: readonly (readonly [host: string, mode?: number])[]) {
    const paths = hosts.map(([host, mode]) => ({ host: join(this.home, host), guest: `to/${host}`, mode: mode ?? null }));
    return collect({ paths, home: this.home, withContent: true });
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

const shown = ({ items }: Awaited<ReturnType<typeof collect>>) =>
  items.map(({ name, mode, content }) => `${name} ${mode.toString(8)} ${content?.toString() ?? "-"}`).toSorted();

test("a file is closed to others, a directory keeps its modes, mode is for files", async () => {
  using home = new Home();
  assert.deepEqual(shown(await home.collect(["file"])), ["to/file 600 file"]);
  assert.deepEqual(shown(await home.collect(["file", 0o640])), ["to/file 640 file"]);
  assert.deepEqual(shown(await home.collect(["dir"])), [
    "to/dir/ 755 -",
    "to/dir/program 755 program",
    "to/dir/sub/ 700 -",
    "to/dir/sub/key 600 key",
  ]);
  assert.deepEqual(shown(await home.collect(["dir", 0o400])), [
    "to/dir/ 755 -",
    "to/dir/program 400 program",
    "to/dir/sub/ 700 -",
    "to/dir/sub/key 400 key",
  ]);
});

test("a symlink that is named is followed within the home only; those below a directory never are", async () => {
  using home = new Home();
  symlinkSync("dir/sub/key", join(home.home, "inside"));
  symlinkSync("../secret", join(home.home, "outside"));
  symlinkSync("/etc", join(home.home, "etc"));
  symlinkSync("nowhere", join(home.home, "broken"));
  symlinkSync("../file", join(home.home, "dir/link"));
  symlinkSync(home.root, join(home.home, "dir/up"));
  assert.deepEqual(shown(await home.collect(["inside"])), ["to/inside 600 key"]);
  for (const name of ["outside", "etc", "etc/passwd", "dir/up/secret"]) {
    const found = await home.collect([name]);
    assert.deepEqual(found.items, [], name);
    assert.match(found.leftOut[0] ?? "", /: it leads to .*, out of your home$/);
  }
  assert.match((await home.collect(["broken"])).leftOut[0] ?? "", /broken: it is not there$/);
  const directory = await home.collect(["dir"]);
  assert.deepEqual(directory.leftOut.map((line) => line.slice(home.home.length)).toSorted(), [
    "/dir/link: a symlink",
    "/dir/up: a symlink",
  ]);
  assert.equal(directory.items.length, 4);
});

test("what is missing or no file is told and left out, the rest goes", async () => {
  using home = new Home();
  execFileSync("mkfifo", [join(home.home, "fifo"), join(home.home, "dir/fifo")]);
  const found = await home.collect(["none"], ["fifo"], ["file/below"], ["dir"], ["file"]);
  assert.deepEqual(
    found.leftOut.map((line) => line.slice(home.home.length)),
    [
      "/none: it is not there",
      "/fifo: neither a file nor a directory",
      "/file/below: it is not there",
      "/dir/fifo: neither a file nor a directory",
    ],
  );
  assert.equal(found.items.length, 5);
});

test("more than 64 MiB is refused before anything of it is read", async () => {
  using home = new Home();
  truncateSync(join(home.home, "file"), 65 * 1024 * 1024);
  const error: unknown = await home.collect(["dir"], ["file"]).catch((reason: unknown) => reason);
  assert.ok(error instanceof BangerError);
  assert.equal(error.code, "config.invalid");
  assert.match(error.message, /file_sync: with .*\/file it is more than 64 MiB/);
});

test("the tar has what was found", async () => {
  using home = new Home();
  const paths = [{ host: join(home.home, "dir"), guest: ".config/dir", mode: null }];
  const sync = createFileSync({ home: home.home, config: () => Promise.resolve({ ...DEFAULT_CONFIG, fileSync: paths }) });
  assert.deepEqual(await sync.look(), { files: 2, bytes: 10, leftOut: [] });
  const { tar } = await sync.read();
  assert.ok(tar !== null);
  const names: string[] = [];
  for await (const entry of tar.pipe(extract())) {
    names.push(`${entry.header.name} ${entry.header.mode?.toString(8)} ${entry.header.size}`);
    entry.resume();
  }
  assert.deepEqual(names.toSorted(), [
    ".config/dir/ 755 0",
    ".config/dir/program 755 7",
    ".config/dir/sub/ 700 0",
    ".config/dir/sub/key 600 3",
  ]);
  const none = createFileSync({ home: home.home, config: () => Promise.resolve(DEFAULT_CONFIG) });
  assert.equal((await none.read()).tar, null);
});
