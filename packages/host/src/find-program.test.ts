import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { findProgram, withSystemDirectories } from "./find-program.ts";

test("the first executable of that name counts, and relative directories do not", async () => {
  const directory = await mkdtemp(join(tmpdir(), "banger-find-"));
  try {
    const [plain, program] = [join(directory, "plain"), join(directory, "program")];
    for (const path of [plain, program]) await writeFile(path, "");
    await chmod(program, 0o755);
    assert.equal(await findProgram("program", `/nowhere:${directory}`), program);
    assert.equal(await findProgram("plain", directory), undefined, "not executable");
    assert.equal(await findProgram("program", ""), undefined);
    assert.equal(await findProgram(program, ""), program);
    assert.equal(await findProgram(plain, directory), undefined);
  } finally {
    await rm(directory, { recursive: true });
  }
});

test("the system's directories come last, once each", () => {
  assert.equal(withSystemDirectories("bin:/usr/bin::/opt/x"), "/usr/bin:/opt/x:/usr/local/sbin:/usr/sbin:/sbin:/bin");
});
