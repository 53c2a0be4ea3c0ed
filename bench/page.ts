// The report's page, without any script: for every machine and row how the score went from run to run, and the last run's numbers.
import { machineText } from "./machine.ts";
import { plot, type Point } from "./plot.ts";
import type { Result } from "./results.ts";
import { revisionText, shortCommit } from "./revision.ts";
import { scoreOf, scoreText, summaryOf, verdictOf, type Measured } from "./summary.ts";

const STYLE = `body{font:15px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}
h1{font-size:1.4rem}h2{font-size:1.2rem;margin:3rem 0 0}h3{font-size:1.05rem;margin:2rem 0 0}ol{padding-left:1.5rem}p{margin:.2rem 0}.dim{color:#666}
svg{width:100%;height:auto}.met{color:#17703a}.missed{color:#b3261e}`;

/** HTML of all results, oldest first; at least one. The machine measured last comes first. */
export function page(results: readonly Result[]): string {
  if (results.length === 0) throw new Error("there is nothing to draw");
  const series = Map.groupBy(results.toReversed(), ({ machine }) => machineText(machine));
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>banger: bench</title><style>${STYLE}</style>
<h1>How banger compares with its floors</h1>
<p class="dim">Dots are samples, the line joins the medians of runs on one kind of machine, the dashed line is the target.</p>
${[...series].map(([machine, runs]) => seriesOf(machine, runs.toReversed())).join("\n")}
</html>
`;
}

function seriesOf(machine: string, runs: readonly Result[]): string {
  const names = [...new Set(runs.flatMap(({ rows }) => rows.map(({ name }) => name)))];
  return `<h2>${escapeHtml(machine)}</h2>
<ol reversed class="dim">
${runs.toReversed().map(runLine).join("\n")}
</ol>
${names.map((name) => section(name, runs)).join("\n")}`;
}

function runLine({ date, revision, rounds, machine: { kernel, node, load } }: Result): string {
  const facts = `banger ${revisionText(revision)}; ${rounds} rounds; Linux ${kernel}, Node ${node}, load ${load}`;
  return `<li>${escapeHtml(`${date.slice(0, 16).replace("T", " ")} UTC: ${facts}`)}</li>`;
}

function section(name: string, results: readonly Result[]): string {
  const runs = results.flatMap(({ rows, ...run }) => rows.filter((row) => row.name === name).map((row) => ({ run, row })));
  const last = runs.at(-1)?.row;
  if (last === undefined) return "";
  const points = runs.flatMap(({ run, row }) => pointOf(run, row) ?? []);
  const drawn = points.length === 0 ? "" : plot({ points, limit: last.target.limit, label: (score) => scoreText(score, last) });
  return `<h3>${escapeHtml(name)}</h3>
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

function pointOf({ date, revision: { commit } }: Omit<Result, "rows">, row: Measured): Point | undefined {
  const summary = summaryOf(row);
  if (summary === undefined) return undefined;
  const label = commit === null ? date.slice(5, 10) : shortCommit(commit);
  return { label: escapeHtml(label), median: summary.score, samples: row.samples.map((sample) => scoreOf(sample, row.target.kind)) };
}

function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
