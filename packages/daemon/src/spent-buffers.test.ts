import assert from "node:assert/strict";
import { test } from "node:test";
import { releaseSpentBuffers } from "./spent-buffers.ts";

const MB = 1024 * 1024;

test("garbage is collected once much may be spent, and what is held is not looked for again and again", (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  let [held, spent, collections] = [MB, 2 * MB, 0];
  const collectGarbage = () => {
    collections += 1;
    spent = 0;
  };
  releaseSpentBuffers({ bufferBytes: () => held + spent, collectGarbage });
  const after = (change: { held?: number; spent?: number }) => {
    held = change.held ?? held;
    spent = change.spent ?? spent;
    t.mock.timers.tick(60_000);
    return collections;
  };
  assert.equal(after({}), 0, "too little");
  assert.equal(after({ spent: 20 * MB }), 1);
  assert.equal(spent, 0);
  assert.equal(after({ held: 40 * MB }), 2, "it cannot be told from what is spent");
  assert.equal(after({ spent: 3 * MB }), 2);
  assert.equal(after({ spent: 5 * MB }), 3);
  assert.equal(after({ held: 0 }), 3);
  assert.equal(after({ spent: 5 * MB }), 4, "the measure is what is held now");
});
