// Copies between this machine and a guest that is a script: which paths mean what, what is asked of the daemon, what is told.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { BangerError, type FileStat } from "@banger/api";
import { extract, pack } from "tar-stream";
import type { Script } from "../../testing/fake-daemon.ts";
import { fakeVm } from "../../testing/fixtures.ts";
import { openScene } from "../../testing/run-cli.ts";

const file: FileStat = { type: "file", mode: 0o644, size: 4 };
const directory: FileStat = { type: "directory", mode: 0o755, size: 0 };

/** A guest with some paths; what is uploaded is kept as `PATH/NAME` with its content. */
function guest(paths: Readonly<Record<string, FileStat>>, tar: Readonly<Record<string, string>> = {}) {
  const got = new Map<string, string>();
  const script: Script = {
    vmShow: () => fakeVm({ name: "api" }),
    vmFilesStat: ({ query }) => {
      const found = paths[query.path];
      if (found === undefined) throw new BangerError("guest.path_not_found", `${query.path}: nothing at ${query.path} in the guest`);
      return found;
    },
    vmFilesPut: async ({ query, upload }) => {
      const archive = extract();
      archive.end(upload);
      for await (const entry of archive) {
        const chunks: Buffer[] = [];
        for await (const chunk of entry as AsyncIterable<Buffer>) chunks.push(chunk);
        const { name, type, linkname } = entry.header;
        got.set(
          `${query.path}/${name}`,
          type === "file" ? Buffer.concat(chunks).toString() : type === "symlink" ? `-> ${linkname}` : (type ?? ""),
        );
      }
      return { files: got.size, bytes: 1 };
    },
    vmFilesGet: async ({ write }) => {
      const archive = pack();
      for (const [name, content] of Object.entries(tar)) {
        if (name.endsWith("/")) archive.entry({ name, type: "directory" });
        else archive.entry({ name }, content);
      }
      archive.finalize();
      for await (const chunk of archive) write(chunk as Buffer);
    },
  };
  return { script, got };
}

async function scene(paths: Readonly<Record<string, FileStat>>, tar: Readonly<Record<string, string>> = {}) {
  const { script, got } = guest(paths, tar);
  const opened = await openScene(script);
  const at = (...parts: readonly string[]) => join(opened.home, "here", ...parts);
  mkdirSync(at("src/sub"), { recursive: true });
  writeFileSync(at("src/sub/deep"), "deep");
  writeFileSync(at("note"), "note");
  symlinkSync("note", at("link"));
  return Object.assign(opened, { got, at });
}

test("into a guest: where things arrive is as with cp -r", async (t) => {
  const paths = {
    "/tmp": directory,
    "/root": directory,
    "/tmp/old": file,
    "/tmp/l": { type: "symlink", mode: 0, size: 1, leadsTo: "directory" },
  } as const;
  const cases: readonly (readonly [sources: readonly string[], to: string, got: Readonly<Record<string, string>>])[] = [
    [["note"], "api:/tmp", { "/tmp/note": "note" }],
    [["note"], "api:/tmp/", { "/tmp/note": "note" }],
    [["note"], "api:", { "/root/note": "note" }],
    [["note"], "api:new", { "/root/new": "note" }],
    [["note"], "api:~/new", { "/root/new": "note" }],
    [["note"], "api:/tmp/old", { "/tmp/old": "note" }],
    [["note"], "api:/tmp/l", { "/tmp/l/note": "note" }],
    [["link"], "api:/tmp", { "/tmp/link": "-> note" }],
    [["--follow-link", "link"], "api:/tmp", { "/tmp/link": "note" }],
    [
      ["note", "src"],
      "api:/tmp",
      { "/tmp/note": "note", "/tmp/src/": "directory", "/tmp/src/sub/": "directory", "/tmp/src/sub/deep": "deep" },
    ],
    [["src"], "api:/tmp/new", { "/tmp/new/": "directory", "/tmp/new/sub/": "directory", "/tmp/new/sub/deep": "deep" }],
    [["src/."], "api:/tmp", { "/tmp/sub/": "directory", "/tmp/sub/deep": "deep" }],
    [["src/."], "api:/tmp/new", { "/tmp/new/sub/": "directory", "/tmp/new/sub/deep": "deep" }],
  ];
  for (const [sources, to, got] of cases) {
    await t.test(`${sources.join(" ")} ${to}`, async () => {
      await using open = await scene(paths);
      const said = await open.cli(["vm", "cp", ...sources.map((path) => (path.startsWith("-") ? path : `${open.at()}/${path}`)), to]);
      assert.deepEqual(Object.fromEntries(open.got), got);
      assert.equal(said.status, 0, said.stderr);
      assert.match(said.stderr, /^✓ copy  \d+ files?, \d+ B  /);
    });
  }
});

test("out of a guest: where things arrive is as with cp -r", async (t) => {
  const paths = {
    "/etc": directory,
    "/etc/hosts": file,
    "/l": { type: "symlink", mode: 0, size: 1, leadsTo: "file", realPath64: Buffer.from("/etc/hosts").toString("base64") },
  } as const;
  const etc = { "etc/": "", "etc/hosts": "host" };
  const cases: readonly (readonly [argv: readonly string[], to: string, tar: Readonly<Record<string, string>>, got: string])[] = [
    [["api:/etc/hosts"], ".", { hosts: "host" }, "hosts"],
    [["api:/etc/hosts"], "new", { hosts: "host" }, "new"],
    [["api:/etc/hosts"], "note", { hosts: "host" }, "note"],
    [["api:/etc/hosts"], "link", { hosts: "host" }, "note"],
    [["api:/etc"], "src", etc, "src/etc/hosts"],
    [["api:/etc"], "new", etc, "new/hosts"],
    [["api:/etc/."], "src", etc, "src/hosts"],
    [["api:/etc/."], "new", etc, "new/hosts"],
    [["-L", "api:/l"], "src", { hosts: "host" }, "src/l"],
  ];
  for (const [argv, to, tar, got] of cases) {
    await t.test(`${argv.join(" ")} ${to}`, async () => {
      await using open = await scene(paths, tar);
      const said = await open.cli(["vm", "cp", ...argv, open.at(to)]);
      assert.equal(said.status, 0, said.stderr);
      assert.equal(readFileSync(open.at(got), "utf8"), "host");
      assert.match(said.stderr, /^✓ copy  1 file, 4 B  /);
    });
  }
});

test("what cannot be copied is told before anything is", async (t) => {
  const paths = { "/tmp": directory, "/etc": directory, "/etc/hosts": file };
  const cases: readonly (readonly [argv: readonly string[], status: number, stderr: RegExp])[] = [
    [["nothing", "api:/tmp"], 1, /there is no .*nothing\n {2}try: ls -a \S+\/here$/m],
    [["note", "api:/no/where"], 1, /there is no directory \/no in api\n {2}try: banger vm exec api -- mkdir -p \/no/],
    [["note", "api:/no/"], 1, /there is no directory \/no in api/],
    [["note/", "api:/tmp"], 1, /note\/ is no directory\n {2}try: banger vm cp \S+\/note api:\/tmp$/m],
    [["src", "api:/etc/hosts"], 1, /\/etc\/hosts in api is no directory/],
    [["note", "src", "api:/no"], 1, /there is no directory \/no in api/],
    [["note", "src/../note", "api:/tmp"], 1, /two of them are called note/],
    [["api:/no", "."], 1, /nothing at \/no in the guest\n {2}try: banger vm exec api -- ls -a \/$/m],
    [["api:/etc", "note"], 1, /note is no directory, api:\/etc is one\n {2}try: banger vm cp api:\/etc \S+\/here$/m],
    [["api:/etc/hosts", "new/"], 1, /there is no directory .*new\//],
    [["api:/etc/hosts", "a/b/c"], 1, /there is no directory .*a\/b/],
    [["api:/etc/hosts", "api:/etc", "note"], 1, /note is no directory, and there are 2 to copy/],
    [["api:/", "src"], 1, /it is not copied whole/],
    [["api:/etc", "web:/srv"], 2, /try: banger vm cp api:\/etc - \| banger vm cp - web:\/srv/],
    [["note", "src"], 2, /both on this machine/],
    [["note"], 2, /.*/],
    [["-", "src"], 2, /one tar/],
    [["note", "-", "api:/tmp"], 2, /one tar/],
    [["Bad_:x", "src"], 2, /written \.\/Bad_:x/],
  ];
  for (const [argv, status, stderr] of cases) {
    await t.test(argv.join(" "), async () => {
      await using open = await scene(paths);
      const said = await open.cli([
        "vm",
        "cp",
        ...argv.map((word) => (/[:-]/.test(word) ? word : open.at(word).replace(/(?<!\/)$/, word.endsWith("/") ? "/" : ""))),
      ]);
      assert.equal(said.status, status, said.stderr);
      assert.match(said.stderr, stderr);
      assert.match(said.stderr, /\n {2}try: \S/);
      assert.equal(open.got.size, 0);
      assert.ok(!existsSync(open.at("new")));
    });
  }
});

test("a tar goes through as it is, both ways", async () => {
  await using open = await scene({ "/etc": directory, "/srv": directory }, { "etc/hosts": "host" });
  const out = await open.cli(["vm", "cp", "api:/etc", "-"]);
  assert.equal(out.status, 0);
  assert.equal(out.stderr, "");
  assert.match(out.stdout, /^etc\/hosts\0/);
  const again = await open.cli(["vm", "cp", "-", "api:/srv"], { stdin: out.stdout });
  assert.equal(again.status, 0, again.stderr);
  assert.deepEqual([...open.got], [["/srv/etc/hosts", "host"]]);
  const none = await open.cli(["vm", "cp", "-", "api:/none"], { stdin: "" });
  assert.match(none.stderr, /there is no directory \/none in api/);
  const terminal = await open.cli(["vm", "cp", "api:/etc", "-"], { isTerminal: { stdout: true } });
  assert.equal(terminal.status, 2);
});

test("a guest that lies harms nothing and is told", async () => {
  await using open = await scene({ "/etc": directory }, { "etc/": "", "etc/../../../escape": "evil" });
  const said = await open.cli(["vm", "cp", "api:/etc", open.at("src")]);
  assert.equal(said.status, 1);
  assert.match(said.stderr, /^error: the guest sends etc\/..\/..\/..\/escape: it leaves its directory/);
  assert.deepEqual(readdirSync(open.at("src")).toSorted(), ["etc", "sub"]);
  assert.ok(!existsSync(open.at("escape")));
});

test("more than the VM can hold is refused, unless it is asked for", async () => {
  const tar = { hosts: "x".repeat(2000) };
  await using open = await scene({ "/etc/hosts": file }, tar);
  const said = await open.cli(["vm", "cp", "--max-size", "1K", "api:/etc/hosts", open.at("new")]);
  assert.match(said.stderr, /the guest sends more than 1 KiB: more than its disk and image hold\n {2}try: --max-size SIZE takes more/);
  assert.ok(!existsSync(open.at("new")));
});

test("what is no file is left out, told, and costs the status", async () => {
  await using open = await scene({ "/tmp": directory });
  const { spawnSync } = await import("node:child_process");
  spawnSync("mkfifo", [open.at("src/fifo")]);
  assert.ok(statSync(open.at("src/fifo")).isFIFO());
  const said = await open.cli(["vm", "cp", open.at("src"), "api:/tmp"]);
  assert.equal(said.status, 1);
  assert.match(said.stderr, /! not copied, neither file, directory nor symlink: src\/fifo\n/);
  assert.equal(open.got.get("/tmp/src/sub/deep"), "deep");
});

test("names of VMs are completed with their colon", async () => {
  await using open = await openScene({ vmList: () => [fakeVm({ name: "api" }), fakeVm({ name: "web" })] });
  const said = await open.cli(["__complete", "--", "vm", "cp", "a"]);
  assert.equal(said.stdout, "api:\n");
});
