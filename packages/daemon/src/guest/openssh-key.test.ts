import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { run } from "@banger/host";
import { generateSshKey } from "./openssh-key.ts";

test("ssh-keygen reads the keys as what they say they are, and signs with them", async () => {
  const directory = await mkdtemp(join(tmpdir(), "banger-ssh-"));
  try {
    // The padding depends on the comment's length.
    for (let length = 0; length < 8; length += 1) {
      const key = generateSshKey("x".repeat(length));
      const path = join(directory, `key${length}`);
      await writeFile(path, key.privateKey, { mode: 0o600 });
      assert.equal((await run(["ssh-keygen", "-y", "-f", path])).stdout.trim(), key.publicKey.trim());
      await run(["ssh-keygen", "-Y", "sign", "-n", "test", "-f", path], { input: "text" });
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

test("two keys differ", () => assert.notEqual(generateSshKey("a").privateKey, generateSshKey("a").privateKey));
