// The report's page, without any script: for every row how its score went from run to run, and the last run's numbers.
import { plot, type Point } from "./plot.ts";
import type { Result } from "./results.ts";
import { scoreOf, scoreText, summaryOf, verdictOf, type Measured } from "./summary.ts";

const STYLE = `body{font:15px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}
h1{font-size:1.4rem}h2{font-size:1.05rem;margin:2rem 0 0}p{margin:.2rem 0}.dim{color:#666}
svg{width:100%;height:auto}.met{color:#17703a}.missed{color:#b3261e}`;

/** HTML of all results, oldest first; at least one. */
export function page(results: readonly Result[]): string {
  const latest = results.at(-1);
  if (latest === undefined) throw new Error("there is nothing to draw");
  const names = [...new Set(results.flatMap(({ rows }) => rows.map(({ name }) => name)))];
  const { cpu, cores, memoryGib, kernel, accelerator } = latest.machine;
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>banger: bench</title><style>${STYLE}</style>
<h1>How banger compares with its floors</h1>
<p class="dim">Last run ${escapeHtml(latest.date.slice(0, 16).replace("T", " "))} UTC on ${escapeHtml(`${cpu}, ${cores} cores, ${memoryGib} GiB, Linux ${kernel}, ${accelerator}`)}.
Dots are rounds, the line joins the medians of runs, the dashed line is the target.</p>
${names.map((name) => section(name, results)).join("\n")}
</html>
`;
}

function section(name: string, results: readonly Result[]): string {
  const runs = results.flatMap(({ date, rows }) => rows.filter((row) => row.name === name).map((row) => ({ date, row })));
  const last = runs.at(-1)?.row;
  if (last === undefined) return "";
  const points = runs.flatMap(({ date, row }) => pointOf(date, row) ?? []);
  const drawn = points.length === 0 ? "" : plot({ points, limit: last.target.limit, label: (score) => scoreText(score, last) });
  return `<h2>${escapeHtml(name)}</h2>
<p>${escapeHtml(last.what)}${last.over === null ? "" : ` <span class="dim">over ${escapeHtml(last.over)}</span>`}</p>
<p>${verdict(last)}</p>
${drawn}`;
}

function verdict(row: Measured): string {
  const summary = summaryOf(row);
  if (summary === undefined) return `<span class="dim">${escapeHtml(row.trouble ?? "not measured")}</span>`;
  const word = summary.isMet ? "met" : "missed";
  return `${scoreText(summary.score, row)}, target ${scoreText(row.target.limit, row)}: <span class="${word}">${escapeHtml(verdictOf(row, summary))}</span>`;
}

function pointOf(date: string, row: Measured): Point | undefined {
  const summary = summaryOf(row);
  if (summary === undefined) return undefined;
  return { label: date.slice(5, 10), median: summary.score, samples: row.samples.map((sample) => scoreOf(sample, row.target.kind)) };
}

function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
