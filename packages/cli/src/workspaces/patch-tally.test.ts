import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import { tallied } from "./patch-tally.ts";

const PATCH = Buffer.from(`diff --git a/x b/x
--- a/x
+++ b/x
@@ -1 +1 @@
-diff --git a/no b/no
+one
diff --git a/old b/new
similarity index 100%
rename from old
rename to new
`);

test("files and bytes are counted wherever the patch is cut", async () => {
  for (const size of [1, 3, 7, 12, 13, PATCH.length]) {
    const chunks = Array.from({ length: Math.ceil(PATCH.length / size) }, (_, index) => PATCH.subarray(index * size, (index + 1) * size));
    const tally = { files: 0, bytes: 0 };
    const passed: Buffer[] = [];
    for await (const chunk of tallied(Readable.from(chunks), tally)) passed.push(chunk);
    assert.deepEqual(Buffer.concat(passed), PATCH);
    assert.deepEqual(tally, { files: 2, bytes: PATCH.length }, `chunks of ${size}`);
  }
});
