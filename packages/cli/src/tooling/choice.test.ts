import assert from "node:assert/strict";
import { test } from "node:test";
import { checkToolingFlags, chooseTooling, toolFilesAmong, whyNoTools } from "./choice.ts";

const toolFiles = ["mise.toml"];

test("a prompt does not wait, a command gets tools on request, a detached VM has them", () => {
  assert.equal(chooseTooling({ flags: {}, toolFiles, session: "shell" }), "background");
  assert.equal(chooseTooling({ flags: {}, toolFiles, session: "detached" }), "foreground");
  assert.equal(chooseTooling({ flags: {}, toolFiles, session: "command" }), "none");
  assert.equal(chooseTooling({ flags: { bootstrap: true }, toolFiles, session: "command" }), "foreground");
  for (const session of ["shell", "detached", "command"] as const) {
    assert.equal(chooseTooling({ flags: { noBootstrap: true }, toolFiles, session }), "none");
    assert.equal(chooseTooling({ flags: { bootstrap: true }, toolFiles: [], session }), "none");
  }
});

test("only what is at the top of the repository counts", () => {
  assert.deepEqual(toolFilesAmong(["a", ".tool-versions", "sub/mise.toml", ".mise.toml", "mise.toml.orig"]), [
    ".tool-versions",
    ".mise.toml",
  ]);
});

test("flags that contradict each other", () => {
  const refused = (flags: object, path: string | undefined, message: RegExp) =>
    assert.throws(() => checkToolingFlags(flags, path), message);
  refused({ bootstrap: true, noBootstrap: true }, ".", /exclude each other/);
  refused({ bootstrap: true }, undefined, /needs a PATH/);
  refused({ bootstrap: true, noNetwork: true }, ".", /tools come from the network/);
  checkToolingFlags({ bootstrap: true }, ".");
  checkToolingFlags({ noBootstrap: true, noNetwork: true }, undefined);
});

test("why a VM gets none", () => {
  assert.equal(whyNoTools({ egress: "full", noNetwork: null }), undefined);
  assert.match(whyNoTools({ egress: "none", noNetwork: null }) ?? "", /no network/);
  assert.match(whyNoTools({ egress: "full", noNetwork: { reason: "no tun", fix: "x" } }) ?? "", /no tun/);
});
