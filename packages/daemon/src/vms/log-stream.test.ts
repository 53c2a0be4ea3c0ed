import assert from "node:assert/strict";
import { mkdir, mkdtempDisposable, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { streamLogs } from "./log-stream.ts";

for (const source of ["console", undefined] as const) {
  test(`followed logs (${source ?? "all"}) end with their VM`, { timeout: 30_000 }, async () => {
    await using scratch = await mkdtempDisposable(join(tmpdir(), "banger-log-stream-"));
    const directory = join(scratch.path, "vm");
    await mkdir(directory);
    await writeFile(join(directory, "console.log"), "up\n");
    const stream = streamLogs({ directory, source, follow: true, signal: new AbortController().signal });
    let text = "";
    for await (const chunk of stream) {
      text += String(chunk);
      await rm(directory, { recursive: true, force: true });
    }
    assert.match(text, /up\n$/);
  });
}
