import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { poll } from "./poll.ts";

/** Longer than any of these tests may take: what is seen before was not seen by asking at intervals. */
const NEVER_MS = 1_000_000;

describe("poll", { timeout: 60_000 }, () => {
  it("asks until it is answered, or until the deadline", async () => {
    let asked = 0;
    assert.equal(await poll(() => ((asked += 1) === 3 ? "yes" : undefined), { timeoutMs: 60_000, intervalMs: 1 }), "yes");
    assert.equal(await poll(() => undefined, { timeoutMs: 5, intervalMs: 1 }), undefined);
  });

  it("ends at once on abort, with the signal's reason", async () => {
    const cut = new AbortController();
    const waiting = poll(() => undefined, { timeoutMs: NEVER_MS, intervalMs: NEVER_MS, signal: cut.signal });
    cut.abort(new Error("enough"));
    await assert.rejects(waiting, /enough/);
    await assert.rejects(
      poll(() => undefined, { timeoutMs: NEVER_MS, signal: cut.signal }),
      /enough/,
    );
  });

  it("asks at once when the file changes, also while it asks", async () => {
    const directory = await mkdtemp(join(tmpdir(), "banger-poll-"));
    const file = join(directory, "log");
    try {
      writeFileSync(file, "");
      const seen: string[] = [];
      const waiting = poll(
        () => {
          seen.push(readFileSync(file, "utf8"));
          // The first line comes between this look and the wait, the second from the look that it caused.
          if (seen.length === 1) appendFileSync(file, "one\n");
          else if (seen.at(-1) === "one\n") setImmediate(() => appendFileSync(file, "two\n"));
          return seen.at(-1)?.endsWith("two\n") === true ? true : undefined;
        },
        { timeoutMs: NEVER_MS, intervalMs: NEVER_MS, file },
      );
      assert.equal(await waiting, true);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it("keeps to the interval where the file cannot be watched", async () => {
    let asked = 0;
    const answer = await poll(() => ((asked += 1) === 2 ? true : undefined), { timeoutMs: 60_000, intervalMs: 1, file: "/no/such/file" });
    assert.equal(answer, true);
  });
});
