// Writes docs/openapi.json from the route table. `--check` only compares.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openApiDocument } from "../packages/daemon/src/api-server/openapi.ts";

const file = join(import.meta.dirname, "../docs/openapi.json");
const text = `${JSON.stringify(openApiDocument(), null, 2)}\n`;
if (!process.argv.includes("--check")) await writeFile(file, text);
else if ((await readFile(file, "utf8")) !== text) throw new Error("docs/openapi.json is out of date: node scripts/openapi.ts");
