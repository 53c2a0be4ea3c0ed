// What progress events amount to, as lines. Pure: events in, text out; progress.ts draws it.
import { formatSize, type ProgressEvent } from "@banger/api";
import type { Paint } from "./output.ts";
import { formatDuration } from "./times.ts";

export interface StageView {
  readonly stage: string;
  readonly state: "running" | "finished";
  /** Milliseconds of performance.now() at which it began. */
  readonly startedAt: number;
  readonly durationMs: number;
  readonly detail: string;
}
export type ProgressView = readonly StageView[];

type StageEvent = Extract<ProgressEvent, { readonly stage: string }>;

/** The view after one more event. A stage that begins again takes its old place. */
export function advance(view: ProgressView, event: StageEvent, now: number): ProgressView {
  const known = view.find((stage) => stage.stage === event.stage);
  const next = nextStage(known ?? { stage: event.stage, state: "running", startedAt: now, durationMs: 0, detail: "" }, event, now);
  return known === undefined ? [...view, next] : view.map((stage) => (stage === known ? next : stage));
}

function nextStage(stage: StageView, event: StageEvent, now: number): StageView {
  switch (event.type) {
    case "stage.started":
      return { ...stage, state: "running", startedAt: now, detail: "" };
    case "stage.progress":
      return { ...stage, detail: formatDone(event) };
    case "stage.finished":
      return { ...stage, state: "finished", durationMs: event.durationMs, detail: formatFacts(event.facts) };
  }
}

function formatDone({ done, total, unit, files }: Extract<StageEvent, { readonly type: "stage.progress" }>): string {
  if (unit === "bytes") {
    const counted = files === undefined ? "" : `${files} ${files === 1 ? "file" : "files"}, `;
    return `${counted}${formatSize(done)}${total === null ? "" : ` of ${formatSize(total)}`}`;
  }
  return total === null ? `${done} ${unit}` : `${done} of ${total} ${unit}`;
}

/** `{packages: 321, bytes: 207618048}` as `321 packages, 198 MiB`; texts stand for themselves. */
export function formatFacts(facts: Readonly<Record<string, string | number>> | undefined): string {
  return Object.entries(facts ?? {})
    .map(([key, value]) => {
      if (typeof value === "string") return value;
      return /bytes$/i.test(key) ? formatSize(value) : `${value} ${value === 1 ? key.replace(/s$/, "") : key}`;
    })
    .join(", ");
}

/** Stages that say something or take long have a line; quick ones share one. */
export function progressLines(view: ProgressView, now: number, paint: Paint): string[] {
  const lines: string[] = [];
  const width = Math.max(0, ...view.map(({ stage }) => stage.length));
  for (const stage of view) {
    const mark = stage.state === "finished" ? paint("green", "✓") : paint("dim", "…");
    if (stage.detail !== "")
      lines.push(`  ${mark} ${stage.stage.padEnd(width)}  ${stage.detail.padEnd(28)}  ${paint("dim", elapsed(stage, now))}`);
  }
  const quick = view.filter(({ detail }) => detail === "").map((stage) => quickStage(stage, now, paint));
  if (quick.length > 0) lines.push(`  ${quick.join("  ")}`);
  return lines;
}

const WORTH_TELLING_MS = 1000;

function quickStage(stage: StageView, now: number, paint: Paint): string {
  const mark = stage.state === "finished" ? paint("green", "✓") : paint("dim", "…");
  const ms = stage.state === "finished" ? stage.durationMs : now - stage.startedAt;
  return ms < WORTH_TELLING_MS ? `${mark} ${stage.stage}` : `${mark} ${stage.stage} ${paint("dim", elapsed(stage, now))}`;
}

function elapsed(stage: StageView, now: number): string {
  return formatDuration(stage.state === "finished" ? stage.durationMs : now - stage.startedAt);
}

/** The line of a stage under way where nothing can be redrawn. */
export function plainUnderWay(stage: StageView, now: number): string {
  return `… ${stage.stage}  ${stage.detail}  ${formatDuration(now - stage.startedAt)}`;
}

/** The line of a finished stage where nothing can be redrawn. */
export function plainStage(stage: StageView): string {
  return `✓ ${stage.stage}${stage.detail === "" ? "" : `  ${stage.detail}`}  ${formatDuration(stage.durationMs)}`;
}
