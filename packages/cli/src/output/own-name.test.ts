import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { commandPaths } from "../testing/command-paths.ts";
import { openScene } from "../testing/run-cli.ts";
import { ownName, withOwnName } from "./own-name.ts";

const env = { PATH: "/nowhere" };

test("banger is named by what PATH leads to, else by the path it was started by", (context) => {
  const cwd = mkdtempSync(join(tmpdir(), "banger-name-"));
  context.after(() => rmSync(cwd, { recursive: true }));
  for (const directory of ["build/bin", "linked", "other", "plain"]) mkdirSync(join(cwd, directory), { recursive: true });
  for (const program of ["build/bin/banger", "other/banger"]) writeFileSync(join(cwd, program), "", { mode: 0o755 });
  writeFileSync(join(cwd, "plain/banger"), "", { mode: 0o644 });
  symlinkSync("../build/bin/banger", join(cwd, "linked/banger"));
  const named = (startedAs: string | undefined, ...path: readonly string[]) =>
    ownName({ startedAs, cwd, env: { PATH: path.map((directory) => join(cwd, directory)).join(":") } });
  assert.equal(named("build/bin/banger"), "build/bin/banger");
  assert.equal(named("build/bin/banger", "plain", "build/bin"), "banger");
  assert.equal(named(join(cwd, "build/bin/banger"), "linked"), "banger");
  assert.equal(named("linked/banger", "build/bin"), "banger");
  assert.equal(named("build/bin/banger", "other", "build/bin"), "build/bin/banger");
  assert.equal(named(undefined), "banger");
  assert.equal(named("banger"), "banger");
  assert.equal(ownName({ startedAs: "my tools/banger", env, cwd: undefined }), "'my tools/banger'");
});

test("only what is to be typed is renamed", async () => {
  const start = { startedAs: "./b/banger", env, cwd: "/" };
  for (const path of await commandPaths()) {
    if (path[0] !== "__complete") assert.equal(withOwnName(`try: banger ${path.join(" ")}`, start), `try: ./b/banger ${path.join(" ")}`);
  }
  assert.equal(withOwnName("(banger doctor) or banger --help", start), "(./b/banger doctor) or ./b/banger --help");
  for (const text of ["the banger daemon", "banger has a bug", "/opt/banger vm", "install banger again", "abanger vm"])
    assert.equal(withOwnName(text, start), text);
});

test("remarks, results and errors are told with it; what programs read is not", async () => {
  await using scene = await openScene({ vmList: () => [] });
  const started = { startedAs: "build/bin/banger", env };
  assert.equal((await scene.cli(["vm", "list"], started)).stderr, "no VMs.  make one: build/bin/banger vm run\n");
  assert.match((await scene.cli(["vm", "cp", "a", "b"], started)).stderr, /^error: .*\n {2}try: a path in a VM/);
  assert.match((await scene.cli(["vm", "cp", "a"], started)).stderr, /\n {2}try: build\/bin\/banger vm cp --help\n$/);
  assert.match((await scene.cli(["vm", "cp", "a", "--json"], started)).stderr, /"hint":"banger vm cp --help"/);
});
