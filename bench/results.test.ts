import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { keepResult, keptResults, type Result } from "./results.ts";

const result = (date: string): Result => ({
  date,
  revision: { version: "0.1.0", commit: null, isDirty: false },
  rounds: 2,
  machine: { cpu: "CPU", cores: 2, memoryGib: 8, kernel: "6.1", accelerator: "tcg", node: "v24", load: 0 },
  rows: [
    {
      ...{ name: "list", what: "banger vm list", over: null, unit: "ms", target: { kind: "value", limit: 1.6 } },
      samples: [{ value: 12.345, floor: null }],
      trouble: "failed in round 2",
    },
  ],
});

test("results are kept by date, to a tenth, and read oldest first", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "bench-results-"));
  t.after(() => rm(directory, { recursive: true }));
  const path = await keepResult(join(directory, "results"), result("2026-02-03T04:05:06.789Z"));
  assert.equal(path, join(directory, "results/2026-02-03T04-05-06.json"));
  await keepResult(join(directory, "results"), result("2025-12-31T00:00:00.000Z"));
  await writeFile(join(directory, "results/.gitignore"), "");

  const kept = await keptResults(join(directory, "results"));
  assert.deepEqual(
    kept.map(({ date }) => date),
    ["2025-12-31T00:00:00.000Z", "2026-02-03T04:05:06.789Z"],
  );
  assert.deepEqual(kept[1]?.rows[0], { ...result("").rows[0], samples: [{ value: 12.3, floor: null }] });
  assert.deepEqual(await readdir(directory), ["results"]);
  assert.doesNotMatch(await readFile(path, "utf8"), /undefined/);
});

test("without any there are none", async () => {
  assert.deepEqual(await keptResults("/nonexistent/results"), []);
});
