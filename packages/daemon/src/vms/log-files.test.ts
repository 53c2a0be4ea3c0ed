// A log that grew past its cap is cut, whether its writer appends or goes on where it was.
import assert from "node:assert/strict";
import { mkdtemp, open, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { capLog, LOG_CAP } from "./log-files.ts";

for (const flags of ["a", "w"] as const) {
  test(`a writer that ${flags === "a" ? "appends" : "keeps its place"} is held to the cap`, async () => {
    const directory = await mkdtemp(join(tmpdir(), "banger-logs-"));
    try {
      const path = join(directory, "vmm.log");
      await using writer = await open(path, flags);
      for (let round = 0; round < 3; round += 1) {
        await writer.write(Buffer.alloc(LOG_CAP + 4096, "x"));
        await writer.write(`round ${round}\n`);
        await writer.sync();
        await capLog(path);
        assert.equal((await stat(path)).size, 0);
        assert.match(await readFile(`${path}.1`, "utf8"), new RegExp(`x{1000}round ${round}\n$`));
        await writer.write("after\n");
        await capLog(path);
        assert.ok((await readFile(path, "utf8")).endsWith("after\n"), "what is below the cap stays");
      }
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
}
