import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { routes } from "@banger/api";
import { openApiDocument } from "./openapi.ts";

test("every route is in the document, with its own errors named", () => {
  const { paths } = openApiDocument() as { readonly paths: Record<string, Record<string, { readonly operationId: string }>> };
  const described = Object.values(paths).flatMap((operations) => Object.values(operations).map((each) => each.operationId));
  assert.deepEqual(described.toSorted(), Object.keys(routes).toSorted());
});

test("what has a name is described once, and every reference leads somewhere", () => {
  const text = JSON.stringify(openApiDocument());
  const { components } = openApiDocument() as { readonly components: { readonly schemas: Readonly<Record<string, object>> } };
  const referred = [...text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map((match) => match[1] ?? "");
  assert.deepEqual([...new Set(referred)].toSorted(), Object.keys(components.schemas).toSorted());
  assert.equal(text.match(/"sshHostKey":/g)?.length, 1);
});

test("docs/openapi.json is what the daemon serves", async () => {
  const kept = await readFile(new URL("../../../../docs/openapi.json", import.meta.url), "utf8");
  assert.deepEqual(JSON.parse(kept), JSON.parse(JSON.stringify(openApiDocument())), "node scripts/openapi.ts");
});
