import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { ERROR_CODES, routes } from "@banger/api";
import { openApiDocument } from "./openapi.ts";

type Json = Readonly<Record<string, unknown>>;

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly responses: Responses }>>>>;
  readonly components: Readonly<Record<string, Json>>;
}
type Responses = Readonly<Record<string, { readonly content: Readonly<Record<string, { readonly schema: Json }>> }>>;

test("every route is in the document, with its own errors named", () => {
  const { paths } = openApiDocument() as { readonly paths: Record<string, Record<string, { readonly operationId: string }>> };
  const described = Object.values(paths).flatMap((operations) => Object.values(operations).map((each) => each.operationId));
  assert.deepEqual(described.toSorted(), Object.keys(routes).toSorted());
});

test("what has a name is described once, and every reference leads somewhere", () => {
  const text = JSON.stringify(openApiDocument());
  const { components } = openApiDocument() as unknown as Document;
  const referred = [...text.matchAll(/"\$ref":"#\/components\/([^"]+)"/g)].map((match) => match[1] ?? "");
  const named = Object.entries(components).flatMap(([kind, entries]) => Object.keys(entries).map((name) => `${kind}/${name}`));
  assert.deepEqual([...new Set(referred)].toSorted(), named.toSorted());
  assert.equal(text.match(/"sshHostKey":/g)?.length, 1);
});

test("an SDK finds every code of an error, and what the lines of long work are", () => {
  const document = openApiDocument() as unknown as Document;
  const { ErrorCode, Error: error } = document.components.schemas as Record<
    string,
    { readonly enum?: readonly string[]; readonly properties?: Json }
  >;
  assert.deepEqual(ErrorCode?.enum, ERROR_CODES);
  assert.deepEqual(error?.properties?.["code"], { $ref: "#/components/schemas/ErrorCode" });
  const lines = document.paths["/v1/vms"]?.["post"]?.responses["200"]?.content["application/x-ndjson"]?.schema;
  assert.deepEqual(lines, { $ref: "#/components/schemas/VmLine" });
  assert.deepEqual(document.components["schemas"]?.["VmLine"], {
    anyOf: [
      { $ref: "#/components/schemas/ProgressEvent" },
      {
        type: "object",
        properties: { type: { type: "string", const: "result" }, result: { $ref: "#/components/schemas/Vm" } },
        required: ["type", "result"],
      },
      { $ref: "#/components/schemas/ErrorLine" },
    ],
  });
});

test("docs/openapi.json is what the daemon serves", async () => {
  const kept = await readFile(new URL("../../../../docs/openapi.json", import.meta.url), "utf8");
  assert.deepEqual(JSON.parse(kept), JSON.parse(JSON.stringify(openApiDocument())), "node scripts/openapi.ts");
});
