import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { locatePrograms } from "./programs.ts";

test("programs are found on the given path first, and by absolute path", async () => {
  const directory = await mkdtemp(join(tmpdir(), "banger-programs-"));
  try {
    await writeFile(join(directory, "pasta"), "");
    await chmod(join(directory, "pasta"), 0o755);
    await writeFile(join(directory, "ip"), "");
    const { found } = await locatePrograms(`relative:${directory}`);
    assert.equal(found.pasta, join(directory, "pasta"));
    assert.notEqual(found.ip, join(directory, "ip"), "not executable");
    assert.ok(Object.values(found).every((path) => path.startsWith("/")));
  } finally {
    await rm(directory, { recursive: true });
  }
});
