import assert from "node:assert/strict";
import { test } from "node:test";
import { findPastaVersion, releaseDate, repeatsHalfClosed } from "./pasta-version.ts";

test("the release is read from what distributions make of it", () => {
  const dates: Record<string, string | null> = {
    "pasta 2025_03_20.32f6212\nCopyright Red Hat\n": "2025-03-20",
    "pasta 0.0~git20250503.587980c-2\n": "2025-05-03",
    "pasta 0^20250320.g32f6212-1.fc42.x86_64\n": "2025-03-20",
    "pasta 2024_12_11.09478d5-23-gabcdef0-dirty\n": "2024-12-11",
    "pasta unknown version\nCopyright Red Hat\n": null,
    "pasta 1234567820250320\n": null,
    "": null,
  };
  for (const [words, date] of Object.entries(dates)) assert.equal(releaseDate(words), date, words);
});

test("an old one repeats what a half-closed guest has had; of an unknown one its options tell", () => {
  assert.equal(repeatsHalfClosed({ released: "2025-02-17", hasDnsHost: true }), true);
  assert.equal(repeatsHalfClosed({ released: "2025-03-20", hasDnsHost: true }), false);
  assert.equal(repeatsHalfClosed({ released: null, hasDnsHost: false }), true);
  assert.equal(repeatsHalfClosed({ released: null, hasDnsHost: true }), false);
});

test("a host without pasta has no version of it; one that is there says something", async () => {
  const found = await findPastaVersion(process.env["PATH"] ?? "");
  if (found !== null) assert.match(found.released ?? "2023-03-09", /^20\d\d-\d\d-\d\d$/);
});
