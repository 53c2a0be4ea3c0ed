import assert from "node:assert/strict";
import { test } from "node:test";
import { page } from "./page.ts";
import type { Result } from "./results.ts";

const machine = { cpu: "<b>CPU</b>", cores: 4, memoryGib: 24, kernel: "6.1", accelerator: "tcg", node: "v24", load: 0.1 };
const row = { name: "list", what: "banger vm list", over: "node -e 0", unit: "ms", target: { kind: "ratio", limit: 1.6 } } as const;

function run(date: string, value: number, commit: string): Result {
  const revision = { version: "0.1.0", commit, isDirty: false };
  return { date, revision, rounds: 1, machine, rows: [{ ...row, samples: [{ value, floor: 100 }] }] };
}

test("a page has every row of every run, its verdict, and nothing that a name could smuggle in", () => {
  const html = page([run("2026-01-02T03:04:05Z", 180, "0123456789"), run("2026-02-03T04:05:06Z", 150, "abcdef0123")]);
  assert.match(html, /<h2>&lt;b&gt;CPU&lt;\/b&gt;, 4 cores, 24 GiB, tcg<\/h2>/);
  assert.match(html, /2026-02-03 04:05 UTC: banger 0\.1\.0, abcdef01; 1 rounds; Linux 6\.1, Node v24, load 0\.1/);
  assert.match(html, /1\.50, target 1\.60: <span class="met">met/);
  assert.equal(html.match(/<circle [^>]*r="4"/g)?.length, 2);
  assert.match(html, />01234567<\/text>/);
  assert.doesNotMatch(html, /NaN|undefined/);
});

test("runs of different machines or accelerators are not joined", () => {
  const other = { ...run("2026-01-03T00:00:00Z", 900, "11111111"), machine: { ...machine, accelerator: "kvm" } };
  const html = page([run("2026-01-02T00:00:00Z", 180, "22222222"), other, run("2026-01-04T00:00:00Z", 150, "33333333")]);
  assert.deepEqual(
    [...html.matchAll(/<polyline points="([^"]*)"/g)].map((line) => line[1]?.split(" ").length),
    [2, 1],
  );
});

test("a kernel or a Node that changed is a change within the series", () => {
  const later = { ...run("2026-01-03T00:00:00Z", 900, "11111111"), machine: { ...machine, kernel: "6.12", node: "v26" } };
  assert.equal(page([run("2026-01-02T00:00:00Z", 180, "22222222"), later]).match(/<polyline/g)?.length, 1);
});
