// Shows progress on stderr: redrawn on a terminal and gone when done; otherwise one plain line a finished stage, and one now and
// then for a long one; nothing with -q and --json. Warnings and the spec stay.
import type { ProgressEvent, ProgressSink } from "@banger/api";
import type { CliContext } from "../context.ts";
import type { CliDeps } from "../deps.ts";
import type { Output } from "./output.ts";
import { advance, plainStage, plainUnderWay, progressLines, type ProgressView, type StageView } from "./progress-view.ts";
import { specLine } from "./spec-line.ts";

export interface Progress extends Disposable {
  /** Takes events; `label` tells apart several operations at once. */
  readonly sink: (label?: string) => ProgressSink;
}

/** Where lines go: a terminal that redraws the last of them, or a plain stream. */
interface Display {
  keep(line: string): void;
  draw(view: ProgressView): void;
  close(): void;
}

export async function createProgress(context: Pick<CliContext, "deps" | "output">): Promise<Progress> {
  const { output, deps } = context;
  if (output.isQuiet) return { sink: () => () => undefined, [Symbol.dispose]: () => undefined };
  const display = canRedraw(deps) ? await terminalDisplay(context) : plainDisplay(output);
  const views = new Map<string, ProgressView>();
  return {
    sink:
      (label = "") =>
      (event) => {
        if (event.type === "warning" || event.type === "spec" || event.type === "image.missing")
          display.keep(keptLine(event, output, label));
        if (!("stage" in event)) return;
        const named = label === "" ? event : { ...event, stage: `${label}: ${event.stage}` };
        views.set(label, advance(views.get(label) ?? [], named, performance.now()));
        display.draw([...views.values()].flat());
      },
    [Symbol.dispose]: () => display.close(),
  };
}

/** Some terminals, as those of CI systems, have no size to draw in. */
function canRedraw({ isTerminal, env, stderr }: CliDeps): boolean {
  return isTerminal.stderr && env["TERM"] !== "dumb" && (stderr.rows ?? 0) > 0 && (stderr.columns ?? 0) > 0;
}

function keptLine(
  event: Extract<ProgressEvent, { readonly type: "warning" | "spec" | "image.missing" }>,
  output: Output,
  label: string,
): string {
  if (event.type === "spec") return specLine(event);
  if (event.type === "image.missing") return `image ${event.image} is not here yet: ${wayOf(event.origin)}`;
  const prefix = label === "" ? "" : `${label}: `;
  return `${output.paint.stderr("yellow", "!")} ${prefix}${event.message}${event.hint === undefined ? "" : ` (${event.hint})`}`;
}

/** How an image of that origin comes here. */
export function wayOf(origin: string): string {
  return origin.startsWith("recipe")
    ? "building it from signed distribution packages (once, two to three minutes)"
    : `bringing it here from ${origin}`;
}

const TELL_EVERY_MS = 15_000;

function plainDisplay(output: Output): Display {
  const told = new Set<string>();
  /** When stages under way were last told of. */
  const toldAt = new Map<string, number>();
  const tellUnderWay = (stage: StageView) => {
    const now = performance.now();
    if (stage.detail === "" || now - Math.max(stage.startedAt, toldAt.get(stage.stage) ?? 0) < TELL_EVERY_MS) return;
    toldAt.set(stage.stage, now);
    output.note(plainUnderWay(stage, now));
  };
  return {
    keep: (line) => output.note(line),
    draw(view) {
      for (const stage of view) {
        if (stage.state === "running") {
          told.delete(stage.stage);
          tellUnderWay(stage);
        }
        if (stage.state !== "finished" || told.has(stage.stage)) continue;
        told.add(stage.stage);
        output.note(plainStage(stage));
      }
    },
    close: () => undefined,
  };
}

async function terminalDisplay({ output, deps }: Pick<CliContext, "deps" | "output">): Promise<Display> {
  const { openRegion } = await import("./region.ts");
  let current: ProgressView = [];
  const region = openRegion(deps.stderr, () => progressLines(current, performance.now(), output.paint.stderr));
  return {
    keep: (line) => region.keep(() => output.note(line)),
    draw(view) {
      current = view;
      region.redraw();
    },
    close: () => region.close(),
  };
}
