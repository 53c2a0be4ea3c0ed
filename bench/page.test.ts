import assert from "node:assert/strict";
import { test } from "node:test";
import { page } from "./page.ts";
import type { Result } from "./results.ts";

test("a page has every row of every run, its verdict, and nothing that a name could smuggle in", () => {
  const machine = { cpu: "<b>CPU</b>", cores: 4, memoryGib: 24, kernel: "6.1", accelerator: "tcg", node: "v24", load: 0.1 };
  const row = { name: "list", what: "banger vm list", over: "node -e 0", unit: "ms", target: { kind: "ratio", limit: 1.6 } } as const;
  const run = (date: string, value: number): Result => ({ date, machine, rows: [{ ...row, samples: [{ value, floor: 100 }] }] });
  const html = page([run("2026-01-02T03:04:05Z", 180), run("2026-02-03T04:05:06Z", 150)]);
  assert.match(html, /2026-02-03 04:05 UTC on &lt;b&gt;CPU&lt;\/b&gt;, 4 cores, 24 GiB/);
  assert.match(html, /1\.50, target 1\.60: <span class="met">met/);
  assert.equal(html.match(/<circle [^>]*r="4"/g)?.length, 2);
  assert.match(html, />01-02<\/text>/);
  assert.doesNotMatch(html, /NaN|undefined/);
});
