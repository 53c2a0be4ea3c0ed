import assert from "node:assert/strict";
import { it } from "node:test";
import { parseKhz, tscFrequency } from "./tsc-frequency.ts";

it("takes a plausible frequency and nothing else", () => {
  assert.equal(parseKhz("2445426\n"), 2_445_426);
  for (const output of ["", "0\n", "99999\n", "-2445426", "2445426 kHz", "2.4e6", "999999999"]) assert.equal(parseKhz(output), undefined);
});

it("knows none where the agent cannot be run", async () => {
  assert.equal(await tscFrequency("/nonexistent/agent"), undefined);
});
