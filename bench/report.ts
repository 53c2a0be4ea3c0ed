// Draws the results kept as one page: `node bench/report.ts [OUT]`.
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { page } from "./page.ts";
import { keptResults } from "./results.ts";

const out = process.argv[2] ?? join(dirname(import.meta.dirname), "build/bench/index.html");
const results = await keptResults(join(import.meta.dirname, "results"));
if (results.length === 0) console.log("no results are kept yet: make bench");
else {
  await mkdir(dirname(out), { recursive: true });
  await writeFile(out, page(results));
  console.log(`${results.length} results drawn: ${out}`);
}
