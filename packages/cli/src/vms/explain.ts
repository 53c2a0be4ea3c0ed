// `--explain`: where the time of a boot went, stage by stage, from the very events that show its progress.
import type { ProgressEvent, ProgressSink } from "@banger/api";

export interface BootTimes {
  readonly sink: ProgressSink;
  /** Lines for people, once the boot is over. */
  explain(): string;
}

/** Begins to count now. */
export function recordBoot(): BootTimes {
  const began = performance.now();
  const finished: Finished[] = [];
  let connectedMs = 0;
  return {
    sink(event) {
      if (event.type === "operation") connectedMs = performance.now() - began;
      if (event.type === "stage.finished") finished.push(event);
    },
    explain: () => explainTimes({ connectedMs, finished, totalMs: performance.now() - began }),
  };
}

type Finished = Extract<ProgressEvent, { readonly type: "stage.finished" }>;

export interface Times {
  /** Until the daemon had begun, its own start included. */
  readonly connectedMs: number;
  /** In the order of their ends; they may overlap. */
  readonly finished: readonly Pick<Finished, "stage" | "durationMs" | "atMs">[];
  readonly totalMs: number;
}

/** One line a stage with its milliseconds and its part of the whole; the rest, spent between stages, has its own. */
export function explainTimes({ connectedMs, finished, totalMs }: Times): string {
  const rest = Math.max(0, totalMs - connectedMs - covered(finished));
  const entries: (readonly [string, number])[] = [
    ["to the daemon", connectedMs],
    ...finished.map(({ stage, durationMs }) => [stage, durationMs] as const),
    ["between stages", rest],
    ["ready after", totalMs],
  ];
  const width = Math.max(...entries.map(([name]) => name.length));
  const lines = entries.map(([name, ms]) => {
    const percent = `${Math.round((100 * ms) / totalMs)}%`;
    return `  ${name.padEnd(width)}  ${String(Math.round(ms)).padStart(7)} ms  ${percent.padStart(4)}`;
  });
  return `where the time went:\n${lines.join("\n")}\n`;
}

/** Milliseconds in which at least one stage was under way. */
function covered(finished: Times["finished"]): number {
  let until = 0;
  let sum = 0;
  const spans = finished.map(({ atMs, durationMs }) => ({ from: atMs - durationMs, to: atMs }));
  for (const { from, to } of spans.toSorted((left, right) => left.from - right.from)) {
    sum += Math.max(0, to - Math.max(from, until));
    until = Math.max(until, to);
  }
  return sum;
}
