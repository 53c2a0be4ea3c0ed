import assert from "node:assert/strict";
import { test } from "node:test";
import { BangerError } from "@banger/api";
import { withNameSource } from "./image-name.ts";

test("an unknown image says that config.toml names it, one that was typed does not", async () => {
  const unknown = () => Promise.reject(new BangerError("image.not_found", 'there is no image "x"', { hint: "did you mean y?" }));
  const named = { code: "image.not_found", message: 'there is no image "x", which config.toml names as default_image_name' };
  await assert.rejects(withNameSource({ source: "config" }, unknown()), { ...named, hint: "did you mean y?" });
  await assert.rejects(withNameSource({ source: "flag" }, unknown()), { message: 'there is no image "x"' });
  assert.equal(await withNameSource({ source: "config" }, Promise.resolve(1)), 1);
});
