import assert from "node:assert/strict";
import { chmod, mkdir, mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { run } from "@banger/host";
import { checkPassage } from "./passage.ts";

const nobody = { uid: 65_534, gid: 65_534, home: "/", name: "nobody" };

test("the first directory that is closed to the user is named", async (t) => {
  if (process.getuid?.() !== 0) return t.skip("needs root: it becomes another user");
  await using scratch = await mkdtempDisposable(join(tmpdir(), "banger-passage-"));
  await chmod(scratch.path, 0o711);
  const home = join(scratch.path, "home");
  const vms = join(home, "data/vms");
  await mkdir(vms, { recursive: true });
  for (const level of [home, join(home, "data"), vms]) await chmod(level, 0o711);
  await checkPassage(nobody, vms, run);
  await chmod(home, 0o700);
  const error = { code: "state.not_writable", hint: `chmod o+x ${home}, or set BANGER_HOME to a directory elsewhere` };
  await assert.rejects(checkPassage(nobody, vms, run), error);
});
